import { setTimeout as delay } from 'node:timers/promises';
import { once } from '../core/once.js';
import { formatSize } from '../core/size.js';
import type { Worker } from './worker.js';

/** How often the memory of the process is looked at, in ms: a task that fills Buffers takes some 100 MiB in that time. */
const LOOK_INTERVAL_MS = 50;

/** How long those whose tasks were stopped have to ask why, in ms. */
const TELL_LIMIT_MS = 1_000;

/** How long a worker that retires still answers those who have not heard of it, in ms. */
const LINGER_MS = 100;

/**
 * Watches what memory the process of a worker uses, Buffers and native code included. Above its limit the worker retires:
 * it takes nothing more, and `onRetired` is to end it; memory that was once taken is seldom given back. A task that runs at
 * two looks in a row is stopped; one that has just begun most likely found things like that.
 *
 * @param onRetiring nothing more begins in this worker.
 * @param onRetired nothing runs in it, and everybody knows.
 * @returns stops the watch.
 */
export function watchMemory(
  worker: Worker,
  limitBytes: number,
  onRetiring: (words: string) => void,
  onRetired: () => void,
): () => void {
  const retire = once(async (words: string) => {
    onRetiring(words);
    await worker.drain(undefined);
    await worker.whenTold(TELL_LIMIT_MS);
    await delay(LINGER_MS);
    onRetired();
  });
  const timer = setInterval(() => {
    const rssBytes = process.memoryUsage.rss();
    if (rssBytes <= limitBytes) return;
    const words =
      `its worker used ${formatSize(rssBytes)} of memory, more than the ${formatSize(limitBytes)} that it may; ` +
      'work on smaller parts, or raise the limit (maxRss, --max-rss)';
    worker.stopForMemory(words, LOOK_INTERVAL_MS);
    void retire(words);
  }, LOOK_INTERVAL_MS);
  return () => clearInterval(timer);
}
