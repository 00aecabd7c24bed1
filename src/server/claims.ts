import type { RequestId, WorkerId } from '../core/ids.js';
import type { LeaseKey } from '../core/scheduler/lease.js';
import type { LeaseWish } from '../core/scheduler/account.js';

/** How long a claim waits for the worker of its lease to attach, in ms. */
const CLAIM_LIMIT_MS = 5_000;

export interface Claim {
  request: RequestId;
  wish: LeaseWish;
  lease: LeaseKey;
}

/** Leases that clients claim after their coordinator was started again, whose workers have not come back yet. */
export class Claims {
  readonly #open = new Map<Claim, number>();

  add(claim: Claim, now: number): void {
    this.#open.set(claim, now + CLAIM_LIMIT_MS);
  }

  /** Those of a worker that is there now. */
  takeOf(worker: WorkerId): Claim[] {
    return this.#take(({ lease }) => lease.worker === worker);
  }

  /** Those that have waited for too long. */
  takeOverdue(now: number): Claim[] {
    return this.#take((_, dueAt) => dueAt <= now);
  }

  #take(isDue: (claim: Claim, dueAt: number) => boolean): Claim[] {
    const taken = [...this.#open].filter(([claim, dueAt]) => isDue(claim, dueAt)).map(([claim]) => claim);
    for (const claim of taken) this.#open.delete(claim);
    return taken;
  }
}
