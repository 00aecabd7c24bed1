import { formatCount, formatNumber, formatSpan } from './numbers.js';
import type { Profile, Span } from './series.js';

/** What a run achieved as a whole. */
export type Throughput = {
  /** Tasks completed per second; `null` when no time passed, or no task ran. */
  perS: number | null;
  completed: number;
  failed: number;
  /** From the first attempt's start to the last one's end, as exactly as the samples show it. */
  seconds: number;
};

/** Completed tasks by the seconds in which tasks ran; waiting for the first and after the last does not count. */
export function overallThroughput({ active, completed, failed }: Profile): Throughput {
  const seconds = active ? active.endS - active.startS : 0;
  return { perS: seconds > 0 ? completed / seconds : null, completed, failed, seconds };
}

/** One line for people: `Overall throughput: 12.30 tasks/s (1,230 completed, 4 failed, 100.0 s)`. */
export function summaryOf(profile: Profile): string {
  const { perS, completed, failed, seconds } = overallThroughput(profile);
  if (!profile.active) return `Overall throughput: none, no task ran in ${profile.name}.`;
  const counts = `${formatNumber(completed)} completed, ${formatNumber(failed)} failed`;
  if (perS === null) return `Overall throughput: unknown, ${profile.name} holds a single sample (${counts}).`;
  return `Overall throughput: ${formatNumber(perS, 2)} tasks/s (${counts}, ${formatNumber(seconds, 1)} s)`;
}

/** What ran, for a title: `results_2.csv: 2 workers, 1,230 tasks in 100.0 s, 4 failed`. */
export function titleOf(profile: Profile): string {
  const workers = formatCount(profile.workers.length, 'worker');
  if (!profile.sampled) return `${profile.name}: no samples`;
  if (!profile.active) return `${profile.name}: ${workers}, no tasks`;
  const span = formatSpan(profile.active.endS - profile.active.startS);
  const failed = profile.failed > 0 ? `, ${formatNumber(profile.failed)} failed` : '';
  return `${profile.name}: ${workers}, ${formatCount(profile.completed, 'task')} in ${span}${failed}`;
}

/** Tasks ended per second within one window of time. */
export type RatePoint = Span & { completedPerS: number; failedPerS: number };

/** Throughput over time and the width of the windows it is counted in, in seconds. */
export type RateSeries = { windowS: number; points: RatePoint[] };

const TASKS_PER_WINDOW = 10;
const NICE_STEPS = [1, 2, 5];

/**
 * Tasks per second over the time in which tasks ran. The window is wide enough to hold some samples and tasks, so that
 * the curve shows the pool and not the grain of the counting, and narrow enough to leave at least a dozen.
 * @param windowsAtMost how fine the curve may get, default 120
 */
export function rateOverTime(profile: Profile, windowsAtMost = 120): RateSeries {
  const { perS, seconds } = overallThroughput(profile);
  if (!profile.active || perS === null) return { windowS: 0, points: [] };
  const forTasks = perS > 0 ? TASKS_PER_WINDOW / perS : seconds;
  const wanted = Math.max(seconds / windowsAtMost, Math.min(forTasks, seconds / 12), profile.intervalS);
  const windowS = niceAtLeast(wanted);
  // What is left over at the end is too short to be counted by itself, unless it is nearly a window.
  const windows = Math.max(1, Math.round(seconds / windowS));
  const { startS, endS } = profile.active;
  const points = Array.from({ length: windows }, (_, index): RatePoint => {
    const isLast = index === windows - 1;
    const span = { startS: startS + index * windowS, endS: isLast ? endS : startS + (index + 1) * windowS };
    return { ...span, completedPerS: 0, failedPerS: 0 };
  });
  for (const { intervals } of profile.workers) {
    for (const interval of intervals) {
      if (interval.completed > 0 || interval.failed > 0) spread(interval, points, windowS, startS);
    }
  }
  return { windowS, points };
}

/** Tasks of an interval that reaches over several windows are shared out by time. */
function spread(
  interval: Span & { completed: number; failed: number },
  points: RatePoint[],
  windowS: number,
  originS: number,
): void {
  const indexAt = (atS: number): number =>
    Math.min(points.length - 1, Math.max(0, Math.floor((atS - originS) / windowS + 1e-9)));
  const length = interval.endS - interval.startS;
  for (let index = indexAt(interval.startS); index <= indexAt(interval.endS); index += 1) {
    const point = points[index];
    if (!point) continue;
    const common = Math.min(interval.endS, point.endS) - Math.max(interval.startS, point.startS);
    const share = length > 0 ? Math.max(0, common) / length : 1;
    point.completedPerS += (interval.completed * share) / (point.endS - point.startS);
    point.failedPerS += (interval.failed * share) / (point.endS - point.startS);
  }
}

/** The next of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … */
function niceAtLeast(value: number): number {
  const scale = 10 ** Math.floor(Math.log10(value));
  const step = NICE_STEPS.find((nice) => nice * scale >= value * (1 - 1e-9)) ?? 10;
  return Number((step * scale).toPrecision(6));
}
