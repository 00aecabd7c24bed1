import type { LeaseWish } from './account.js';
import type { RequestId } from './ids.js';
import type { Registry, WorkerRecord } from './registry.js';
import { fits, NO_TAGS } from './tags.js';

/** A request for a worker that runs nothing else meanwhile. */
class SolitaryRequest {
  readonly id: RequestId;
  readonly wish: LeaseWish;
  /** The one that is kept for it. */
  worker: WorkerRecord | undefined;

  constructor(id: RequestId, wish: LeaseWish) {
    this.id = id;
    this.wish = wish;
  }

  /** Gives up a worker that will not do any more, and tells which. */
  unfit(): WorkerRecord | undefined {
    const { worker } = this;
    if (!worker || (worker.phase === 'running' && !worker.isAway && !worker.isGone)) return undefined;
    this.worker = undefined;
    return worker;
  }
}

/**
 * Who waits for a worker of their own: tasks that may have cost a worker. Each is kept the worker with the fewest slots
 * taken, where nothing more is granted until it is free altogether.
 */
export class SolitaryLine {
  readonly #requests = new Map<RequestId, SolitaryRequest>();
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get size(): number {
    return this.#requests.size;
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
    const worker = this.#requests.get(id)?.worker;
    this.#requests.delete(id);
    return worker;
  }

  isAwaited(worker: WorkerRecord): boolean {
    return this.requests().some((request) => request.worker === worker);
  }

  /** Keeps a worker for a request; undefined where there is none to be kept. */
  reserve(request: SolitaryRequest): WorkerRecord | undefined {
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
