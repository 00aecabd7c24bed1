import { readRows } from './csv.js';

/** One row of a profile: what one worker did since its last sample. */
export type ProfileRow = {
  /** When the sample was taken, in seconds since the profile began. */
  timeS: number;
  /** Name of the worker, kept across restarts of its process. */
  worker: string;
  /** All its slots were leased, as the coordinator saw it. */
  isBusy: boolean;
  /** Share of the time since the last sample that was spent running tasks, 0 to 1. */
  busyFraction: number;
  /** Tasks completed since the worker's process started. */
  completed: number;
  /** Tasks failed since the worker's process started. */
  failed: number;
  /** Load of the process in percent of one core, `null` when not measured. */
  cpuPercent: number | null;
  /** Memory of the process, `null` when not measured. */
  rssBytes: number | null;
};

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
