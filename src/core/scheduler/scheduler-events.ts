import type { LeaseWish } from './account.js';
import type { RequestId, WorkerId } from '../ids.js';
import type { PolicyName } from './placement.js';
import type { LeaseKey } from './lease.js';
import type { TagSet } from '../tags.js';

/** A lease that a worker still honours when it attaches (again). */
export interface HeldLease {
  inUse: boolean;
  idleMs: number;
  /** Whether a session holds it. */
  bySession?: boolean;
}

/** What happened. */
export type SchedulerEvent =
  | {
      type: 'worker-attached';
      worker: WorkerId;
      /** Workers of lower rank are taken first. */
      rank: number;
      tags?: TagSet;
      /** One per slot: the highest epoch the worker has seen, and the lease of that epoch if it still lives. */
      slots: readonly { epoch: number; held?: HeldLease | undefined }[];
    }
  | { type: 'worker-draining'; worker: WorkerId }
  /** Its attachment has broken; it may come back. */
  | { type: 'worker-away'; worker: WorkerId }
  | { type: 'worker-lost'; worker: WorkerId }
  | {
      type: 'lease-requested';
      request: RequestId;
      wish: LeaseWish;
    }
  /** A session says that it holds this lease, which a worker has brought along. Granted to it again, or else ignored. */
  | { type: 'lease-claimed'; request: RequestId; wish: LeaseWish; lease: LeaseKey }
  /** A session uses its lease for tasks of another priority than so far, or for one that takes longer. */
  | { type: 'lease-regraded'; lease: LeaseKey; priority: number; expectedMs?: number | undefined }
  | { type: 'request-withdrawn'; request: RequestId }
  | { type: 'lease-used'; lease: LeaseKey; inUse: boolean; idleMs: number }
  | {
      type: 'lease-released';
      lease: LeaseKey;
      /** Whether code that still runs is let finish. Default false: it is stopped. */
      letFinish?: boolean;
    }
  | { type: 'lease-ended'; lease: LeaseKey }
  /** How workers are chosen from now on. */
  | { type: 'policy-set'; policy: PolicyName }
  | { type: 'time-passed' };

/** What the coordinator is to do about it. */
export type SchedulerCommand =
  | {
      type: 'grant-lease';
      request: RequestId;
      lease: LeaseKey;
      /** How long it lives unused, in ms; 0 for as long as its session. */
      ttlMs: number;
    }
  /**
   * Tell the worker: begin nothing more under this lease, stop what runs or let it finish, and say when nothing runs.
   * May come a second time, when what was let finish is to stop after all.
   */
  | {
      type: 'end-lease';
      lease: LeaseKey;
      abort: boolean;
      /** Whether it has come to its end unused, or unclaimed. */
      isExpired?: true;
    };
