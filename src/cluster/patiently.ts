import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../core/errors.js';

/** For how long, and how often, in ms. */
const WITHIN_MS = 10_000;
const AGAIN_MS = 250;

/** What servers answer that have just started, or are about to choose a leader: nobody there has the say yet. */
const PASSING = /jetstream is not enabled|no responders|timeout|temporarily unavailable/i;

/** Does what may be done twice, until the servers of a cluster agree who answers; for ten seconds at most. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + WITHIN_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!PASSING.test(messageOf(error)) || performance.now() > until) throw error;
      await delay(AGAIN_MS);
    }
  }
}
