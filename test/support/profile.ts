import { readFileSync } from 'node:fs';

export const COLUMNS = 'time_s,worker,busy,busy_fraction,completed,failed,cpu_percent,rss_bytes';

export interface ProfileRow {
  timeS: number;
  worker: string;
  busy: number;
  busyFraction: number;
  completed: number;
  failed: number;
  cpuPercent: number | undefined;
  rssBytes: number | undefined;
}

/** Reads a profile strictly. @throws Error when any of it is not as it must be. */
export function readProfile(path: string): ProfileRow[] {
  const text = readFileSync(path, 'utf8');
  if (!text.endsWith('\n')) throw new Error(`the last line is cut off: ${text.slice(-80)}`);
  const [header, ...lines] = text.trimEnd().split('\n');
  if (header !== COLUMNS) throw new Error(`unexpected header: ${header}`);
  return lines.map((line) => {
    const fields = line.split(',');
    const known = (index: number) => {
      const number = fields[index] ? Number(fields[index]) : Number.NaN;
      if (Number.isNaN(number)) throw new Error(`expected a number as field ${index + 1} of: ${line}`);
      return number;
    };
    if (fields.length !== 8) throw new Error(`expected 8 fields in: ${line}`);
    return {
      timeS: known(0),
      worker: fields[1] ?? '',
      busy: known(2),
      busyFraction: known(3),
      completed: known(4),
      failed: known(5),
      cpuPercent: fields[6] ? known(6) : undefined,
      rssBytes: fields[7] ? known(7) : undefined,
    };
  });
}

/** The rows of one worker, in the order of the file. */
export function rowsOf(rows: ProfileRow[], worker: string): ProfileRow[] {
  return rows.filter((row) => row.worker === worker);
}

/** How long a worker ran tasks according to its rows, in ms: the share of each interval times its length. */
export function busyMs(rows: ProfileRow[]): number {
  return rows.reduce((sum, row, index) => {
    const since = rows[index - 1]?.timeS ?? 0;
    return sum + row.busyFraction * (row.timeS - since) * 1_000;
  }, 0);
}
