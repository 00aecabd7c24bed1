import type { Account, LeaseRequest } from './account.js';
import { Heap, type HeapItem } from '../heap.js';
import { ByTags, type Placed, type PlacementPolicy, type Plan, type RemainingWork } from './placement.js';
import type { Slot, WorkerRecord } from './registry.js';
import type { TagSet } from '../tags.js';
import { type Expected, hasLess, Load, WorkIndex } from './work-index.js';

/** A request that waits, and the worker that it waits for. */
class Binding implements HeapItem {
  heapIndex = -1;
  readonly request: LeaseRequest;
  /** On an average worker. */
  readonly workMs: number;
  plan: WorkerPlan | undefined;
  /** As it was counted there. */
  countedMs = 0;

  constructor(request: LeaseRequest, workMs: number) {
    this.request = request;
    this.workMs = workMs;
  }
}

/** What one worker is expected to do. */
class WorkerPlan {
  readonly load: Load;
  readonly running = new Map<Slot, Expected>();
  readonly free = new Heap<Slot>((a, b) => a.index < b.index);
  /** Those that wait for it, by client, in the order in which they came. */
  readonly bound = new Map<Account, Heap<Binding>>();
  isOpen = false;

  constructor(worker: WorkerRecord) {
    this.load = new Load(worker);
  }
}

/**
 * The worker that has the least to do: a request that has to wait is bound to the one whose running and waiting work is
 * least, and a worker that becomes free takes first, of the client whose turn it is, what is bound to it. Where nothing is,
 * it takes what is bound to others, so that nobody waits while a worker is idle. What is bound to a worker that is drained
 * or lost is bound anew.
 */
export class LeastRemaining implements PlacementPolicy, Plan {
  readonly name = 'least-remaining';
  readonly plan = this;
  readonly #plans = new Map<WorkerRecord, WorkerPlan>();
  readonly #open = new ByTags(() => new WorkIndex());
  readonly #free = new ByTags(() => new WorkIndex());
  readonly #ends = new Heap<Expected>((a, b) => a.endAt < b.endAt);
  readonly #bindings = new Map<LeaseRequest, Binding>();
  /** Those that no worker fits for now. */
  readonly #homeless = new Set<Binding>();

  add(slot: Slot): void {
    const plan = this.#planOf(slot.worker);
    this.#change(plan, () => {
      plan.load.speed = slot.worker.speed.value;
      plan.free.push(slot);
    });
  }

  remove(slot: Slot): void {
    const plan = this.#plans.get(slot.worker);
    if (plan) this.#change(plan, () => plan.free.remove(slot));
  }

  hasFree(needs: TagSet): boolean {
    return this.#free.fitting(needs).some(({ isEmpty }) => !isEmpty);
  }

  take(account: Account, now: number): Placed | undefined {
    this.#age(now);
    let best: Load | undefined;
    for (const index of this.#free.fitting(account.needs))
      for (const load of index.heads()) if (!best || hasLess(load, best, now)) best = load;
    const plan = best && this.#planOf(best.worker);
    const slot = plan?.free.peek();
    const request = plan?.bound.get(account)?.peek()?.request ?? account.waiting.first;
    if (!slot || !request) return undefined;
    this.remove(slot);
    return { request, slot };
  }

  open(worker: WorkerRecord, now: number): void {
    const plan = this.#planOf(worker);
    this.#change(plan, () => (plan.isOpen = true));
    for (const binding of [...this.#homeless]) this.#bind(binding, now);
  }

  close(worker: WorkerRecord, now: number): void {
    const plan = this.#plans.get(worker);
    if (!plan) return;
    const waiting = [...plan.bound.values()].flatMap((bound) => drained(bound));
    this.#change(plan, () => {
      plan.isOpen = false;
      plan.bound.clear();
      for (const { countedMs } of waiting) plan.load.base -= countedMs;
    });
    for (const binding of waiting.sort((a, b) => a.request.order - b.request.order)) this.#bind(binding, now);
    if (!worker.isGone) return;
    for (const expected of plan.running.values()) this.#ends.remove(expected);
    this.#plans.delete(worker);
  }

  began(slot: Slot, expectedMs: number, now: number): void {
    this.ended(slot, now);
    if (expectedMs <= 0) return;
    const plan = this.#planOf(slot.worker);
    const expected: Expected = { heapIndex: -1, load: plan.load, endAt: now + expectedMs };
    plan.running.set(slot, expected);
    this.#change(plan, () => {
      plan.load.running += 1;
      plan.load.base += expected.endAt;
    });
    this.#ends.push(expected);
  }

  ended(slot: Slot, now: number): void {
    this.#age(now);
    const plan = this.#plans.get(slot.worker);
    const expected = plan?.running.get(slot);
    if (!plan || !expected) return;
    plan.running.delete(slot);
    if (expected.heapIndex < 0) return; // It was overdue.
    this.#ends.remove(expected);
    this.#forget(plan, expected);
  }

  bind(request: LeaseRequest, workMs: number, now: number): void {
    const binding = new Binding(request, workMs);
    this.#bindings.set(request, binding);
    this.#bind(binding, now);
  }

  unbind(request: LeaseRequest): void {
    const binding = this.#bindings.get(request);
    if (!binding) return;
    this.#bindings.delete(request);
    this.#homeless.delete(binding);
    const { plan } = binding;
    if (!plan) return;
    const bound = plan.bound.get(request.account);
    this.#change(plan, () => {
      bound?.remove(binding);
      if (bound?.size === 0) plan.bound.delete(request.account);
      plan.load.base -= binding.countedMs;
    });
  }

  workerOf(request: LeaseRequest | undefined): WorkerRecord | undefined {
    return request && this.#bindings.get(request)?.plan?.load.worker;
  }

  least(needs: TagSet, most: number, now: number): RemainingWork[] {
    this.#age(now);
    const loads = [...this.#open.fitting(needs)].flatMap((index) => [...index.few(most)]);
    loads.sort((a, b) => (hasLess(a, b, now) ? -1 : 1));
    return loads.slice(0, most).map((load) => ({ worker: load.worker, remainingMs: load.remainingMs(now) }));
  }

  #leastOf(needs: TagSet, now: number): Load | undefined {
    this.#age(now);
    let least: Load | undefined;
    for (const index of this.#open.fitting(needs))
      for (const load of index.heads()) if (!least || hasLess(load, least, now)) least = load;
    return least;
  }

  #bind(binding: Binding, now: number): void {
    const { account } = binding.request;
    const worker = this.#leastOf(account.needs, now)?.worker;
    if (!worker) {
      binding.plan = undefined;
      this.#homeless.add(binding);
      return;
    }
    this.#homeless.delete(binding);
    const plan = this.#planOf(worker);
    binding.plan = plan;
    binding.countedMs = binding.workMs / worker.speed.value;
    let bound = plan.bound.get(account);
    if (!bound) {
      bound = new Heap<Binding>((a, b) => a.request.order < b.request.order);
      plan.bound.set(account, bound);
    }
    bound.push(binding);
    this.#change(plan, () => (plan.load.base += binding.countedMs));
  }

  /** Of what runs longer than expected nobody knows how long it will: it counts for nothing. */
  #age(now: number): void {
    for (let next = this.#ends.peek(); next && next.endAt <= now; next = this.#ends.peek()) {
      this.#ends.remove(next);
      this.#forget(this.#planOf(next.load.worker), next);
    }
  }

  #forget(plan: WorkerPlan, { endAt }: Expected): void {
    this.#change(plan, () => {
      plan.load.running -= 1;
      plan.load.base -= endAt;
      // Sums of fractions drift.
      if (plan.load.running === 0 && plan.bound.size === 0) plan.load.base = 0;
    });
  }

  #planOf(worker: WorkerRecord): WorkerPlan {
    let plan = this.#plans.get(worker);
    if (!plan) {
      plan = new WorkerPlan(worker);
      this.#plans.set(worker, plan);
    }
    return plan;
  }

  #change({ load, free, isOpen: wasOpen }: WorkerPlan, change: () => void): void {
    const plan = this.#planOf(load.worker);
    const [open, idle] = [this.#open.of(load.worker), this.#free.of(load.worker)];
    if (wasOpen) open.remove(load.asOpen);
    idle.remove(load.asFree);
    change();
    if (plan.isOpen) open.add(load.asOpen);
    if (free.size > 0) idle.add(load.asFree);
  }
}

function drained(bound: Heap<Binding>): Binding[] {
  const bindings: Binding[] = [];
  for (let binding = bound.pop(); binding; binding = bound.pop()) bindings.push(binding);
  return bindings;
}
