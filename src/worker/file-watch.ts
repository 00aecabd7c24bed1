import { readdirSync } from 'node:fs';
import type { Retire } from './retirement.js';

/** How often the open files of the process are counted, in ms. */
const LOOK_INTERVAL_MS = 50;

/** With fewer than these left, the next task or client may be without the one that it needs. */
const RESERVE = 8;

/**
 * Watches how many files the process of a worker has open, sockets and pipes included. Near its limit at two looks in a row it
 * retires: what tasks have left open is closed with it. None is stopped, as the system itself refuses them more.
 *
 * @returns stops the watch.
 */
export function watchOpenFiles(limit: number, retire: Retire): () => void {
  let wasNear = false;
  const timer = setInterval(() => {
    const isNear = openFiles() > limit - RESERVE;
    if (isNear && wasNear)
      retire(`its tasks have left open almost all of the ${limit} files that it may (--max-open-files)`);
    wasNear = isNear;
  }, LOOK_INTERVAL_MS);
  return () => clearInterval(timer);
}

function openFiles(): number {
  try {
    return readdirSync('/dev/fd').length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EMFILE') return Infinity;
    throw error;
  }
}
