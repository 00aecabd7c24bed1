import { formatSize } from '../core/size.js';
import type { Retire } from './retirement.js';
import type { Worker } from './worker.js';

/** How often the memory of the process is looked at, in ms: a task that fills Buffers takes some 100 MiB in that time. */
const LOOK_INTERVAL_MS = 50;

/**
 * Watches what memory the process of a worker uses, Buffers and native code included. Above its limit the worker retires:
 * memory that was once taken is seldom given back. A task that runs at
 * two looks in a row is stopped; one that has just begun most likely found things like that.
 *
 * @returns stops the watch.
 */
export function watchMemory(worker: Worker, limitBytes: number, retire: Retire): () => void {
  const timer = setInterval(() => {
    const rssBytes = process.memoryUsage.rss();
    if (rssBytes <= limitBytes) return;
    const words =
      `its worker used ${formatSize(rssBytes)} of memory, more than the ${formatSize(limitBytes)} that it may; ` +
      'work on smaller parts, or raise the limit (maxRss, --max-rss)';
    worker.stopForMemory(words, LOOK_INTERVAL_MS);
    retire(words);
  }, LOOK_INTERVAL_MS);
  return () => clearInterval(timer);
}
