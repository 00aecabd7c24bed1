import { PoolError } from '../core/errors.js';
import type { LeaseKey } from '../core/lease.js';
import type { SignedLease } from '../wire/lease-token.js';

/** The newest lease of one slot, as far as this worker knows. */
interface Standing {
  /** The highest epoch seen; older ones are refused for ever. */
  epoch: number;
  /** The lease of that epoch, while it lives. */
  lease: { ttlMs: number; inUse: boolean; lastUsedAt: number } | undefined;
}

/** How a lease is being used, for the coordinator. */
export interface LeaseUse {
  slot: number;
  epoch: number;
  inUse: boolean;
  idleMs: number;
}

/**
 * Which leases this worker honours. It decides by itself, from the lease's signature and epoch, so that nothing depends
 * on whether the client or the coordinator's notice arrives first.
 */
export class SlotLeases {
  readonly #standings: Standing[];

  constructor(slots: number) {
    this.#standings = Array.from({ length: slots }, () => ({ epoch: 0, lease: undefined }));
  }

  /** The highest epoch seen of each slot. */
  get epochs(): number[] {
    return this.#standings.map((standing) => standing.epoch);
  }

  /** Marks the lease as used. @throws PoolError `lease-lost` when it is over, `invalid-argument` when it is in use. */
  begin(lease: SignedLease, now: number): void {
    const standing = this.#standings[lease.slot];
    if (!standing) throw new PoolError('lease-lost', `this worker has no slot ${lease.slot}`);
    if (lease.epoch > standing.epoch) {
      standing.epoch = lease.epoch;
      standing.lease = { ttlMs: lease.ttlMs, inUse: false, lastUsedAt: now };
    }
    const current = standing.epoch === lease.epoch ? standing.lease : undefined;
    if (!current || (!current.inUse && now - current.lastUsedAt > current.ttlMs)) {
      throw new PoolError('lease-lost', 'the lease is over: it was released, or not used in time');
    }
    if (current.inUse) {
      throw new PoolError(
        'invalid-argument',
        'lease_id: a task runs under this lease already, and a lease runs one at a time',
      );
    }
    current.inUse = true;
  }

  /** The attempt under this lease has ended. */
  rest(lease: LeaseKey, now: number): void {
    const standing = this.#standings[lease.slot];
    if (!standing?.lease || standing.epoch !== lease.epoch) return;
    standing.lease.inUse = false;
    standing.lease.lastUsedAt = now;
  }

  /** Refuses this lease, and all before it, from now on. */
  end(lease: { slot: number; epoch: number }): void {
    const standing = this.#standings[lease.slot];
    if (!standing || lease.epoch < standing.epoch) return;
    standing.epoch = lease.epoch;
    standing.lease = undefined;
  }

  /** Every lease that lives. */
  uses(now: number): LeaseUse[] {
    return this.#standings.flatMap(({ epoch, lease }, slot) =>
      lease ? [{ slot, epoch, inUse: lease.inUse, idleMs: lease.inUse ? 0 : now - lease.lastUsedAt }] : [],
    );
  }
}
