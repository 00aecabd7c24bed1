import type { ClientId, WorkerId } from '../ids.js';
import type { TagSet } from '../tags.js';

/** Names a lease: the epoch rises with every grant of a coordinator, so a key never comes back. */
export interface LeaseKey {
  worker: WorkerId;
  /** Index of the slot in its worker, from 0. */
  slot: number;
  epoch: number;
}

/** How long a lease that nobody uses lives, in ms. */
export const UNUSED_LEASE_TTL_MS = 5_000;

/**
 * How far a client may get ahead of one that waits before it is asked for a slot back, in ms of slot time. A slot that passes
 * on idles for three messages on the wire, which wake three processes; slices of 150 ms gain nothing more (bench/NOTES.md).
 */
export const SLICE_MS = 100;

/**
 * A slot is free, leased, or ending: its lease is over, but the worker has not yet said that the code has stopped.
 * Only a free slot is granted, so no two attempts ever share one.
 *
 * `client` is charged for the time, at the lease's priority and needs; it is unknown for a lease that a worker brought along when it
 * attached.
 */
export type SlotState =
  | { kind: 'free' }
  | { kind: 'leased'; client: ClientId | undefined; bySession: boolean; priority: number; needs: TagSet }
  | {
      kind: 'ending';
      client: ClientId | undefined;
      priority: number;
      needs: TagSet;
      /** Whether running code was told to stop, or is let finish. */
      isAborted: boolean;
      /** Whether it ends because others wait. */
      isRevoked: boolean;
    };
