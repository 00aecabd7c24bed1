import type { ProfileRow } from '../../src/grapher/charts/index.js';

/** Reads a profile as the server sends it: numbers, and names of workers, none of which is ever quoted. */
export function rowsFrom(csv: string): ProfileRow[] {
  const [header = '', ...lines] = csv.trimEnd().split('\n');
  const columns = header.split(',');
  const place = (name: string) => columns.indexOf(name);
  const [time, worker, busy, fraction] = ['time_s', 'worker', 'busy', 'busy_fraction'].map(place);
  const [completed, failed, cpu, rss] = ['completed', 'failed', 'cpu_percent', 'rss_bytes'].map(place);
  return lines.map((line) => {
    const values = line.split(',');
    const number = (column = -1) => Number(values[column]);
    const optional = (column = -1) => (values[column] ? number(column) : null);
    return {
      timeS: number(time),
      worker: values[worker ?? -1] ?? '',
      isBusy: number(busy) === 1,
      busyFraction: Math.min(1, number(fraction)),
      completed: number(completed),
      failed: number(failed),
      cpuPercent: optional(cpu),
      rssBytes: optional(rss),
    };
  });
}
