import type { Outcome } from '../wire/outcome.js';
import type { Payload } from '../wire/values/payload.js';

/** What a slot sends to its thread. */
export interface ThreadCall {
  /** Of this thread, rising: tells a late answer from the current one. */
  call: number;
  functionId: string;
  /** Absent when the caller believes that the function is known here. */
  source: string | undefined;
  args: Payload;
}

/** What the thread sends back. */
export type ThreadMessage =
  | { type: 'ready' }
  /** User code begins now. */
  | { type: 'begun'; call: number }
  | { type: 'settled'; call: number; outcome: Outcome };
