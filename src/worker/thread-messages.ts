import type { Credentials } from '../wire/credentials.js';
import type { Outcome } from '../wire/outcome.js';
import type { Payload } from '../wire/values/payload.js';
import type { SlotPlace } from './slot-place.js';

/** What a thread is started with. */
export interface ThreadSettings {
  workerId: string;
  slot: number;
  /** Of the slot's board. */
  board: SharedArrayBuffer;
  /** Of its ledger. */
  ledger: SharedArrayBuffer;
  place: SlotPlace;
  credentials: Credentials;
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
  /** It listens: on this port, where it does so on a port. */
  | { type: 'ready'; port: number }
  /** A task that has a time limit begins. */
  | { type: 'begun'; epoch: number; number: number; timeoutMs: number }
  /** Nothing runs, and the lease that was last is over. */
  | { type: 'idle' }
  /** A unary call has its outcome. */
  | { type: 'settled'; call: number; outcome: Outcome };

/** User code can post to the same port; whether this is one of ours. */
export function isThreadMessage(message: Partial<ThreadMessage> | null): message is ThreadMessage {
  if (typeof message !== 'object' || message === null) return false;
  switch (message.type) {
    case 'ready':
      return typeof message.port === 'number';
    case 'settled':
      return typeof message.outcome === 'object';
    case 'begun':
    case 'idle':
      return true;
    default:
      return false;
  }
}
