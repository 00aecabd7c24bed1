import { setTimeout as delay } from 'node:timers/promises';
import { once } from '../core/once.js';
import type { Worker } from './worker.js';

/** How long those whose tasks were stopped have to ask why, in ms. */
const TELL_LIMIT_MS = 1_000;

/** How long a worker that retires still answers those who have not heard of it, in ms. */
const LINGER_MS = 100;

/** Has a worker retire, and says why. */
export type Retire = (why: string) => void;

/**
 * How a worker makes room for another one: it takes nothing more, finishes what it runs, and goes. What has not begun goes back
 * to whoever called it.
 *
 * @param onRetiring nothing more begins in this worker.
 * @param onRetired nothing runs in it, and everybody knows.
 */
export function retirement(worker: Worker, onRetiring: Retire, onRetired: Retire): Retire {
  const retire = once(async (why: string) => {
    onRetiring(why);
    await worker.drain(undefined);
    await worker.whenTold(TELL_LIMIT_MS);
    await delay(LINGER_MS);
    onRetired(why);
  });
  return (why) => void retire(why);
}
