import type { ClientId, WorkerId } from './ids.js';

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
 * A slot is free, leased, or ending: its lease is over, but the worker has not yet said that the code has stopped.
 * Only a free slot is granted, so no two attempts ever share one.
 */
export type SlotState =
  | { kind: 'free' }
  | {
      kind: 'leased';
      /** Who is charged for the time. Unknown for a lease that a worker brought along when it attached. */
      client: ClientId | undefined;
    }
  | { kind: 'ending'; client: ClientId | undefined };
