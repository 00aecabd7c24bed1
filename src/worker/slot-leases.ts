import { PoolError } from '../core/errors.js';
import type { LeaseKey } from '../core/scheduler/lease.js';
import type { SignedLease } from '../wire/lease-token.js';
import type { Board } from './board.js';

/** A lease that unary calls use: it lives for a while after each. */
interface Standing {
  epoch: number;
  ttlMs: number;
  inUse: boolean;
  lastUsedAt: number;
}

/** How a lease is being used, for the coordinator. */
export interface LeaseUse {
  slot: number;
  epoch: number;
  inUse: boolean;
  idleMs: number;
  /** Whether a session holds it. */
  bySession: boolean;
}

/**
 * Which leases this worker honours. It decides by itself, from the lease's signature and epoch, so that nothing depends
 * on whether the client or the coordinator's notice arrives first. The epochs are kept on the boards of the slots, which
 * their threads see too.
 */
export class SlotLeases {
  readonly #boards: readonly Board[];
  readonly #standings: (Standing | undefined)[] = [];

  constructor(boards: readonly Board[]) {
    this.#boards = boards;
  }

  /** The highest epoch seen of each slot. */
  get epochs(): number[] {
    return this.#boards.map((board) => board.newest);
  }

  /** Marks the lease as used by a unary call. @throws PoolError `lease-lost` when it is over, `invalid-argument` when it is in use. */
  begin(lease: SignedLease, now: number): void {
    const board = this.#boards[lease.slot];
    if (!board) throw new PoolError('lease-lost', `this worker has no slot ${lease.slot}`);
    const known = this.#standings[lease.slot];
    const standing =
      known?.epoch === lease.epoch
        ? known
        : { epoch: lease.epoch, ttlMs: lease.ttlMs, inUse: false, lastUsedAt: now };
    const isUnused = !standing.inUse && standing.ttlMs > 0 && now - standing.lastUsedAt > standing.ttlMs;
    if (isUnused || !board.admit(lease.epoch)) {
      throw new PoolError('lease-lost', 'the lease is over: it was released, or not used in time');
    }
    if (standing.inUse) {
      throw new PoolError(
        'invalid-argument',
        'lease_id: a task runs under this lease already, and a lease runs one at a time',
      );
    }
    standing.inUse = true;
    this.#standings[lease.slot] = standing;
  }

  /** The attempt under this lease has ended. */
  rest(lease: LeaseKey, now: number): void {
    const standing = this.#standings[lease.slot];
    if (standing?.epoch !== lease.epoch) return;
    standing.inUse = false;
    standing.lastUsedAt = now;
  }

  /** Every lease that lives, or under which something still runs. */
  uses(now: number): LeaseUse[] {
    return this.#boards.flatMap((board, slot) => {
      const epoch = board.admitted;
      if (epoch === 0 || (board.isOver(epoch) && board.running?.epoch !== epoch)) return [];
      const standing = this.#standings[slot];
      if (standing?.epoch !== epoch)
        return { slot, epoch, inUse: board.isRunning, idleMs: board.idleMs, bySession: true };
      const { inUse, lastUsedAt } = standing;
      return { slot, epoch, inUse, idleMs: inUse ? 0 : now - lastUsedAt, bySession: false };
    });
  }
}
