import type { LeaseWish } from './account.js';
import type { RequestId } from '../ids.js';
import type { Registry, Slot, WorkerRecord } from './registry.js';
import { fits, NO_TAGS } from '../tags.js';

/** A request for a worker that runs nothing else meanwhile, or for one worker and no other. */
class SolitaryRequest {
  readonly id: RequestId;
  readonly wish: LeaseWish;
  /** The one that is kept for it, or asked to make room. */
  worker: WorkerRecord | undefined;

  constructor(id: RequestId, wish: LeaseWish) {
    this.id = id;
    this.wish = wish;
  }

  /** Whether it is to be there alone. */
  get isAlone(): boolean {
    return this.wish.worker === undefined;
  }

  /** The slot that it can have now. */
  get slot(): Slot | undefined {
    const { worker } = this;
    if (this.isAlone) return worker?.taken === 0 ? worker.slots[0] : undefined;
    return worker?.isOpen ? worker.slots.find(({ state }) => state.kind === 'free') : undefined;
  }

  /** Gives up a worker that will not do any more, and tells which was kept. */
  unfit(): WorkerRecord | undefined {
    const { worker } = this;
    if (!worker || (worker.phase === 'running' && !worker.isAway && !worker.isGone)) return undefined;
    this.worker = undefined;
    return this.isAlone ? worker : undefined;
  }
}

/**
 * Who is not served from the lines. Tasks that may have cost a worker wait for one of their own: each is kept the worker with
 * the fewest slots taken, where nothing more is granted until it is free altogether. Those that are for one worker and no other
 * get the next of its slots that is free.
 */
export class SolitaryLine {
  readonly #requests = new Map<RequestId, SolitaryRequest>();
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Those that any worker would do for. */
  get size(): number {
    if (this.#requests.size === 0) return 0;
    return this.requests().filter(({ isAlone }) => isAlone).length;
  }

  /** First come, first served. */
  requests(): SolitaryRequest[] {
    return [...this.#requests.values()];
  }

  join(id: RequestId, wish: LeaseWish): void {
    this.#requests.set(id, new SolitaryRequest(id, wish));
  }

  /** Tells which worker was kept for it. */
  withdraw(id: RequestId): WorkerRecord | undefined {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    return request?.isAlone ? request.worker : undefined;
  }

  isAwaited(worker: WorkerRecord): boolean {
    return this.requests().some((request) => request.isAlone && request.worker === worker);
  }

  /** Chooses a worker for a request, and keeps it where it is to be there alone; undefined where there is none. */
  choose(request: SolitaryRequest): WorkerRecord | undefined {
    if (request.wish.worker !== undefined) {
      const worker = this.#registry.get(request.wish.worker);
      return (request.worker = worker?.isOpen ? worker : undefined);
    }
    let best: WorkerRecord | undefined;
    for (const worker of this.#registry.values()) {
      if (!worker.isOpen || !fits(worker.tags, request.wish.needs ?? NO_TAGS)) continue;
      if (!best || worker.taken < best.taken || (worker.taken === best.taken && worker.rank < best.rank))
        best = worker;
    }
    if (best) best.isReserved = true;
    request.worker = best;
    return best;
  }
}
