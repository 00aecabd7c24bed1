import type { Status, Worker } from './documents.js';

/** So much is shown, and kept: an hour open costs no more memory than five minutes. */
export const KEPT_MS = 5 * 60_000;

/** What the counters said at an instant. */
export interface Counters {
  /** In ms. */
  at: number;
  settled: number;
  waiting: number;
  busy: number;
  /** Sum in s, and number, of the waits of submitted tasks. */
  waitedSeconds: number;
  waited: number;
}

export interface Sample {
  at: number;
  perSecond: number;
  waiting: number;
  /** Workers that run something. */
  busy: number;
  /** Mean of the tasks that began since the sample before, in ms; undefined when none did. */
  waitMs: number | undefined;
}

/** @param metrics the text of /metrics. */
export function countersFrom(at: number, { workers, queue }: Status, metrics: string): Counters {
  const total = (name: string) => {
    const lines = metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+-]+)$`, 'gm'));
    return [...lines].reduce((sum, line) => sum + Number(line[1]), 0);
  };
  return {
    at,
    settled: workers.reduce((sum, { completed, failed }) => sum + completed + failed, 0),
    waiting: queue.pending,
    busy: workers.filter(({ tasks }) => tasks.length > 0).length,
    waitedSeconds: total('offhand_task_waiting_seconds_sum'),
    waited: total('offhand_task_waiting_seconds_count'),
  };
}

/** Counters begin at zero again with a worker or a server; that is no negative throughput. */
export function sampleBetween(before: Counters, now: Counters): Sample {
  const seconds = Math.max(0.001, (now.at - before.at) / 1_000);
  const waited = now.waited - before.waited;
  return {
    at: now.at,
    perSecond: Math.max(0, now.settled - before.settled) / seconds,
    waiting: now.waiting,
    busy: now.busy,
    waitMs: waited > 0 ? ((now.waitedSeconds - before.waitedSeconds) / waited) * 1_000 : undefined,
  };
}

/** What part of a core a worker uses, in percent, by its name. */
export type CpuShares = ReadonlyMap<string, number>;

/** Of those workers whose process was there at both looks, and answered. */
export function cpuBetween(before: readonly Worker[], now: readonly Worker[]): CpuShares {
  const earlier = new Map(before.map((worker) => [worker.pid, worker]));
  const shares = new Map<string, number>();
  for (const { worker, pid, cpu_ms, uptime_ms } of now) {
    const last = earlier.get(pid);
    if (!last || last.uptime_ms === 0 || uptime_ms <= last.uptime_ms) continue;
    shares.set(worker, ((cpu_ms - last.cpu_ms) / (uptime_ms - last.uptime_ms)) * 100);
  }
  return shares;
}

export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [...samples.filter(({ at }) => at > sample.at - KEPT_MS), sample];
}
