import type { PoolError } from '../core/errors.js';
import type { GrantReason } from '../core/scheduler/reason.js';
import type { LeaseKey } from '../core/scheduler/lease.js';
import type { WorkerLink } from './worker-link.js';

/** Whoever asks for a lease, and is told what becomes of it. */
export interface Holder {
  granted(lease: GrantedLease): void;
  /** There will be no lease: the pool stops. */
  refused(reason: PoolError): void;
  /** Nothing more begins under the lease; what runs may still. */
  ending(lease: LeaseKey): void;
  /** Nothing runs under it any more. */
  over(lease: LeaseKey): void;
  /** Its worker is lost: nobody knows what became of what ran under it. */
  lost(lease: LeaseKey): void;
}

export interface GrantedLease {
  readonly key: LeaseKey;
  /** Signed, for the worker. */
  readonly token: string;
  readonly worker: WorkerLink;
  /** Why it was granted when and where it was; unknown of one that its holder had before. */
  readonly reason: GrantReason | undefined;
}
