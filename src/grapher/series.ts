import { median } from './numbers.js';

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

/** What one worker did between two samples. */
export type Interval = {
  /** Seconds since the profile began. */
  startS: number;
  endS: number;
  /** All slots of the worker were leased when the interval ended. */
  isBusy: boolean;
  /** Share of the interval spent running tasks, 0 to 1. */
  busyFraction: number;
  /** Tasks that completed in the interval. */
  completed: number;
  /** Tasks that failed in the interval. */
  failed: number;
};

/** A worker and its intervals in the order of time; where none are, the worker was not there. */
export type WorkerSeries = { worker: string; intervals: Interval[] };

/** A stretch of time, in seconds since the profile began. */
export type Span = { startS: number; endS: number };

/** A profile as the charts need it. */
export type Profile = {
  /** What the reader knows it by, such as `results_2.csv`. */
  name: string;
  /** By name, `worker-2` before `worker-10`. */
  workers: WorkerSeries[];
  /** All the time that was sampled; `null` without a sample. */
  sampled: Span | null;
  /** From the first interval with a task running or ended to the last one; `null` when no task ran. */
  active: Span | null;
  /** Usual time between two samples, in seconds. */
  intervalS: number;
  completed: number;
  failed: number;
};

type Sample = { startS: number; endS: number; rows: ProfileRow[] };

/**
 * Turns rows, in the order of time, into one series per worker.
 *
 * @param name what titles call the profile
 * @param isCut the rows are the last ones of a profile: what workers had counted before them is not of these
 */
export function toProfile(name: string, rows: readonly ProfileRow[], isCut = false): Profile {
  const intervalS = usualInterval(rows);
  const samples = groupIntoSamples(rows, intervalS);
  const byWorker = new Map<string, { series: WorkerSeries; last: ProfileRow | null }>();
  for (const [index, sample] of samples.entries()) {
    const countsBefore = isCut && index === 0;
    for (const row of sample.rows) {
      const known = byWorker.get(row.worker) ?? { series: { worker: row.worker, intervals: [] }, last: null };
      known.series.intervals.push({
        startS: sample.startS,
        endS: sample.endS,
        isBusy: row.isBusy,
        busyFraction: row.busyFraction,
        completed: countsBefore ? 0 : increase(known.last?.completed, row.completed),
        failed: countsBefore ? 0 : increase(known.last?.failed, row.failed),
      });
      known.last = row;
      byWorker.set(row.worker, known);
    }
  }
  const workers = [...byWorker.values()].map(({ series }) => series);
  workers.sort((a, b) => a.worker.localeCompare(b.worker, 'en', { numeric: true }));
  const total = (of: 'completed' | 'failed'): number =>
    workers.reduce((sum, { intervals }) => intervals.reduce((part, interval) => part + interval[of], sum), 0);
  return {
    name,
    workers,
    sampled: spanOf(workers, () => true),
    active: spanOf(workers, hasTask),
    intervalS,
    completed: total('completed'),
    failed: total('failed'),
  };
}

/** A lease alone is not a task: a session may hold one with nothing to run. */
function hasTask(interval: Interval): boolean {
  return interval.busyFraction > 0 || interval.completed > 0 || interval.failed > 0;
}

/** A counter that went back belongs to a new process, which began at 0. */
function increase(before: number | undefined, now: number): number {
  return before === undefined || now < before ? now : now - before;
}

function spanOf(workers: readonly WorkerSeries[], counts: (interval: Interval) => boolean): Span | null {
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { intervals } of workers) {
    const first = intervals.find(counts);
    const last = intervals.findLast(counts);
    if (first) starts.push(first.startS);
    if (last) ends.push(last.endS);
  }
  return starts.length > 0 ? { startS: Math.min(...starts), endS: Math.max(...ends) } : null;
}

function usualInterval(rows: readonly ProfileRow[]): number {
  const lastS = new Map<string, number>();
  const steps: number[] = [];
  for (const { worker, timeS } of rows) {
    const before = lastS.get(worker);
    if (before !== undefined && timeS > before) steps.push(timeS - before);
    lastS.set(worker, timeS);
  }
  return median(steps);
}

/**
 * Rows of one sample may differ by some milliseconds. A sample ends where a worker comes again or time moves on.
 * Each covers the time since the sample before it, so a worker missing from one has a gap there.
 */
function groupIntoSamples(rows: readonly ProfileRow[], intervalS: number): Sample[] {
  const samples: Sample[] = [];
  let seen = new Set<string>();
  let firstS = -Infinity;
  for (const row of rows) {
    const sample = samples.at(-1);
    if (sample && !seen.has(row.worker) && row.timeS - firstS <= intervalS / 4) {
      sample.rows.push(row);
      sample.endS = row.timeS;
    } else {
      const startS = sample?.endS ?? Math.max(0, row.timeS - intervalS);
      samples.push({ startS, endS: row.timeS, rows: [row] });
      seen = new Set();
      firstS = row.timeS;
    }
    seen.add(row.worker);
  }
  return samples;
}
