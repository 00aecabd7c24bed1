import { renameSync, rmSync, statSync } from 'node:fs';
import type { pino } from 'pino';

/** A log file that has grown to this makes room for another, in bytes. */
const MAX_BYTES = 10 * 1024 * 1024;

/** How many there are of one name, the one that is written included. */
const FILES = 5;

/**
 * Keeps a log from growing without end: `x.log` becomes `x.log.1`, that `x.log.2`, and so on. The stream writes at once
 * (`sync`), so that the last words of a process that dies are there; that is also why this is no stream of its own.
 */
export function rotate(
  stream: ReturnType<typeof pino.destination>,
  path: string,
  maxBytes = MAX_BYTES,
): void {
  let bytes = statSync(path).size;
  stream.on('write', (written: number) => {
    bytes += written;
    if (bytes < maxBytes) return;
    bytes = 0;
    makeRoom(path);
    stream.reopen();
  });
}

function makeRoom(path: string): void {
  rmSync(`${path}.${FILES - 1}`, { force: true });
  for (let number = FILES - 2; number >= 0; number--) {
    const from = number === 0 ? path : `${path}.${number}`;
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${path}.${number + 1}`);
  }
}
