import { once } from '../core/once.js';
import type { Worker } from './worker.js';

/** Has a worker retire, and says why. */
export type Retire = (why: string) => void;

/**
 * How a worker makes room for another one: it takes nothing more, finishes what it runs, and goes. What has not begun goes back
 * to whoever called it.
 *
 * @param onRetiring nothing more begins in this worker.
 * @param onRetired nothing runs in it.
 */
export function retirement(worker: Worker, onRetiring: Retire, onRetired: Retire): Retire {
  const retire = once(async (why: string) => {
    onRetiring(why);
    await worker.drain(undefined);
    onRetired(why);
  });
  return (why) => void retire(why);
}
