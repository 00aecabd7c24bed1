import { readdirSync, readFileSync } from 'node:fs';

const PAGE_BYTES = 4_096;

/** What a process takes up. Read from /proc, so on Linux only. */
export interface Vitals {
  rssMb: number;
  /** Open files, sockets and pipes. */
  handles: number;
}

/** Of several processes together. */
export function vitalsOf(pids: readonly number[]): Vitals {
  const sum = { rssMb: 0, handles: 0 };
  for (const pid of pids) {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    sum.rssMb += (pages * PAGE_BYTES) / 2 ** 20;
    sum.handles += readdirSync(`/proc/${pid}/fd`).length;
  }
  return sum;
}
