import type { LeaseRequest, LeaseWish } from './account.js';
import { Estimates } from './estimates.js';
import type { Placed, PlacementPolicy, Plan, PolicyName } from './placement.js';
import type { Slot, SlotUse, WorkerRecord } from './registry.js';

/** How many workers a reason names. */
const CANDIDATES = 4;

/** What leases are used for, how long that is expected to take, and how long it then took. */
export class Usage {
  readonly #estimates = new Estimates();
  #policy: PolicyName;
  /** Of a policy that looks ahead; where there is none, what nobody has told anything of costs nothing. */
  #plan: Plan | undefined;

  constructor({ name, plan }: PlacementPolicy) {
    this.#policy = name;
    this.#plan = plan;
  }

  /** Another policy decides from now on: it is told how everything stands. */
  follow(
    policy: PlacementPolicy,
    workers: Iterable<WorkerRecord>,
    requests: Iterable<LeaseRequest>,
    now: number,
  ): void {
    this.#policy = policy.name;
    this.#plan = policy.plan;
    for (const worker of workers) {
      if (worker.isOpen) this.#plan?.open(worker, now);
      for (const slot of worker.slots) {
        if (slot.state.kind === 'free' && worker.isOpen) policy.add(slot);
        if (slot.use) this.#plan?.began(slot, this.#leftMs(slot, slot.use, now), now);
      }
    }
    for (const request of requests) this.plan(request, now);
  }

  #leftMs({ worker }: Slot, { wish, since, expectedMs }: SlotUse, now: number): number {
    const inAllMs = expectedMs ?? this.#estimates.assumedMs(wish) / worker.speed.value;
    return Math.max(0, since + inAllMs - now);
  }

  /** Notes why a slot goes to a request, just before it does. */
  explain({ slot, request }: Placed, now: number): void {
    slot.reason = { policy: this.#policy, waitedMs: now - request.since, ahead: request.ahead };
    if (!this.#plan) return;
    slot.reason.boundTo = this.#plan.workerOf(request)?.id;
    slot.reason.candidates = this.#plan
      .least(request.account.needs, CANDIDATES, now)
      .map(({ worker, remainingMs }) => ({ worker: worker.id, remainingMs }));
  }

  /** What a slot is used for from now on. */
  begin(slot: Slot, wish: LeaseWish, now: number): void {
    slot.use = undefined;
    if (!this.#plan && wish.fn === undefined && wish.expectedMs === undefined) return;
    const { value: speed } = slot.worker.speed;
    const expectedMs = this.#estimates.expectedMs(wish);
    slot.use = { wish, since: now, expectedMs: expectedMs === undefined ? undefined : expectedMs / speed };
    this.#plan?.began(slot, this.#estimates.assumedMs(wish) / speed, now);
  }

  /** Under a session's lease many tasks run, so that its length says nothing of any. */
  end(slot: Slot, now: number): void {
    const { use } = slot;
    if (use && !use.wish.bySession) this.#estimates.note(slot.worker.speed, use.wish, now - use.since);
    slot.use = undefined;
    this.#plan?.ended(slot, now);
  }

  /** How long it takes says nothing. */
  disregard(slot: Slot): void {
    slot.use = undefined;
  }

  /** Chooses for whom a request waits, if it has to. */
  plan(request: LeaseRequest | undefined, now: number): void {
    if (request?.isWaiting) this.#plan?.bind(request, this.#estimates.assumedMs(request.wish), now);
  }

  /** It waits no more. */
  forget(request: LeaseRequest | undefined): void {
    if (request) this.#plan?.unbind(request);
  }
}
