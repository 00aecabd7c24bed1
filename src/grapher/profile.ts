import { readRows } from './csv.js';
import type { ProfileRow } from './series.js';

/**
 * Reads the rows of a profile (`profiling/results_<N>.csv`).
 * @param name how errors call the file
 * @throws GrapherError with file and line when a value is not what its column says, or time goes backwards
 */
export function parseProfile(text: string, name: string): ProfileRow[] {
  const rows: ProfileRow[] = [];
  let lastS = 0;
  readRows(text, name, (row) => {
    const timeS = row.number('time_s');
    if (timeS < lastS) {
      throw row.error(`time_s goes back from ${lastS} to ${timeS}: the rows should be in the order of time`);
    }
    lastS = timeS;
    const worker = row.text('worker').trim();
    if (worker === '') throw row.error('worker should be a name, got nothing');
    const busy = row.text('busy').trim();
    if (busy !== '0' && busy !== '1') throw row.error('busy should be 0 or 1', busy);
    rows.push({
      timeS,
      worker,
      isBusy: busy === '1',
      // Clocks of two processes are at work in it, so a little more than all of the time is no mistake.
      busyFraction: Math.min(1, row.number('busy_fraction')),
      completed: row.count('completed'),
      failed: row.count('failed'),
      cpuPercent: row.optionalNumber('cpu_percent'),
      rssBytes: row.optionalNumber('rss_bytes'),
    });
  });
  return rows;
}
