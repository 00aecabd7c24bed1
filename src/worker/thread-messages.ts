import type { Outcome } from '../wire/outcome.js';
import type { Payload } from '../wire/values/payload.js';

/** What a thread is started with. */
export interface ThreadSettings {
  workerId: string;
  slot: number;
  /** Of the slot's board. */
  board: SharedArrayBuffer;
  /** Of its ledger. */
  ledger: SharedArrayBuffer;
  /** Where to listen for streams of tasks; a port of 0 is any. */
  address: string;
  /** Undefined where the pool runs without authentication. */
  token: string | undefined;
  /** Checks leases; undefined until the worker is attached. */
  signingKey: Uint8Array | undefined;
}

/** What a slot sends to its thread. */
export type ThreadOrder =
  | { type: 'key'; signingKey: Uint8Array }
  /** One unary call. */
  | {
      type: 'run';
      /** Of this thread, rising: tells a late answer from the current one. */
      call: number;
      epoch: number;
      functionId: string;
      /** Absent when the caller believes that the function is known here. */
      source: string | undefined;
      name: string;
      args: Payload;
      timeoutMs: number | undefined;
    };

/** What the thread sends back. */
export type ThreadMessage =
  | { type: 'ready'; address: string }
  /** A task that has a time limit begins. */
  | { type: 'begun'; epoch: number; number: number; timeoutMs: number }
  /** Nothing runs, and the lease that was last is over. */
  | { type: 'idle' }
  /** A unary call has its outcome. */
  | { type: 'settled'; call: number; outcome: Outcome };
