/** Header of a profile. */
export const PROFILE_HEADER = 'time_s,worker,busy,busy_fraction,completed,failed,cpu_percent,rss_bytes';

/** Header of a bench. */
export const BENCH_HEADER = 'function,clients,workers,seconds,completed,failed,throughput_per_s';

/** A profile as text. @param rows time, worker, busy, share, completed, failed */
export function profileText(...rows: [number, string, 0 | 1, number, number, number][]): string {
  return [PROFILE_HEADER, ...rows.map((row) => `${row.join(',')},,`)].map((line) => `${line}\n`).join('');
}

/** Two workers for ten seconds, one sample a second: worker-1 always busy, worker-2 in the second half. */
export function twoWorkers(): string {
  const rows = Array.from({ length: 11 }, (_, second): [number, string, 0 | 1, number, number, number][] => [
    [second, 'worker-1', second > 0 ? 1 : 0, second > 0 ? 1 : 0, second * 10, second > 8 ? 1 : 0],
    [second, 'worker-2', second > 5 ? 1 : 0, second > 5 ? 0.5 : 0, Math.max(0, second - 5) * 5, 0],
  ]);
  return profileText(...rows.flat());
}

/** A bench of one function with `workers` x `clients` cells that scale perfectly by workers. */
export function benchText(clients: number, workers: number): string {
  const rows = Array.from({ length: clients * workers }, (_, index) => {
    const [client, worker] = [Math.floor(index / workers) + 1, (index % workers) + 1];
    return `10 ms CPU,${client},${worker},5,${worker * 500},0,${worker * 100}`;
  });
  return [BENCH_HEADER, ...rows].map((line) => `${line}\n`).join('');
}
