import type { Interval, Profile, Span } from './series.js';

/** A stretch of a lane in which nothing changed. */
export type LaneCell = Span & {
  /** Share of the stretch spent running tasks, 0 to 1. */
  running: number;
  /** Share of the stretch for which the slots were leased, 0 to 1. */
  leased: number;
};

/** One worker, or all of them together, over time. Between cells that do not touch it was not there. */
export type Lane = {
  label: string;
  /** Share of the time that it spent running tasks, 0 to 1, from the first task to the last and while it was there. */
  share: number;
  cells: LaneCell[];
  /** When tasks failed: ends of the intervals, in seconds. */
  failuresAtS: number[];
};

/** The lanes of a profile and the stretch of time they show. */
export type Lanes = {
  shown: Span;
  workers: Lane[];
  /** The mean of all workers there were; absent when there is one worker only. */
  together: Lane | null;
};

const MARGIN = 0.02;
/** About as many columns as a page has room for: finer ones would only make the file large. */
const COLUMNS_AT_MOST = 700;

/** What to draw of a profile: the time in which tasks ran and a little around it; `null` without a sample. */
export function lanesOf(profile: Profile): Lanes | null {
  const { sampled, active, workers } = profile;
  if (!sampled) return null;
  const margin = active ? (active.endS - active.startS) * MARGIN + profile.intervalS : 0;
  const shown = {
    startS: active ? Math.max(sampled.startS, active.startS - margin) : sampled.startS,
    endS: active ? Math.min(sampled.endS, active.endS + margin) : sampled.endS,
  };
  const edges = edgesOf(profile, shown);
  const counted = active ?? sampled;
  const all = workers.flatMap(({ intervals }) => intervals);
  return {
    shown,
    workers: workers.map(({ worker, intervals }) => laneOf(worker, intervals, edges, counted)),
    together: workers.length > 1 ? laneOf('all workers', all, edges, counted) : null,
  };
}

/** Borders of the columns: the samples themselves, or even steps where there are too many of them. */
function edgesOf(profile: Profile, { startS, endS }: Span): number[] {
  const borders = new Set<number>([startS, endS]);
  for (const { intervals } of profile.workers) {
    for (const interval of intervals) {
      for (const atS of [interval.startS, interval.endS]) if (atS > startS && atS < endS) borders.add(atS);
    }
  }
  if (borders.size <= COLUMNS_AT_MOST + 1) return [...borders].sort((a, b) => a - b);
  const step = (endS - startS) / COLUMNS_AT_MOST;
  return Array.from({ length: COLUMNS_AT_MOST + 1 }, (_, index) => startS + index * step);
}

function laneOf(
  label: string,
  intervals: readonly Interval[],
  edges: readonly number[],
  counted: Span,
): Lane {
  const columns = edges.slice(1).map(() => ({ presentS: 0, runningS: 0, leasedS: 0 }));
  const failuresAtS: number[] = [];
  for (const interval of intervals) {
    if (interval.failed > 0) failuresAtS.push(interval.endS);
    for (let index = columnAt(edges, interval.startS); index < columns.length; index += 1) {
      const column = columns[index];
      const [startS = 0, endS = 0] = [edges[index], edges[index + 1]];
      if (!column || startS >= interval.endS) break;
      const presentS = Math.max(0, Math.min(endS, interval.endS) - Math.max(startS, interval.startS));
      column.presentS += presentS;
      column.runningS += presentS * interval.busyFraction;
      column.leasedS += interval.isBusy ? presentS : 0;
    }
  }
  const cells: LaneCell[] = [];
  columns.forEach(({ presentS, runningS, leasedS }, index) => {
    if (presentS <= 0) return;
    const [startS = 0, endS = 0] = [edges[index], edges[index + 1]];
    append(cells, {
      startS,
      endS,
      running: toHundredths(runningS / presentS),
      leased: toHundredths(leasedS / presentS),
    });
  });
  return { label, share: shareOf(intervals, counted), cells, failuresAtS };
}

function shareOf(intervals: readonly Interval[], counted: Span): number {
  let [presentS, runningS] = [0, 0];
  for (const { startS, endS, busyFraction } of intervals) {
    const commonS = Math.max(0, Math.min(endS, counted.endS) - Math.max(startS, counted.startS));
    presentS += commonS;
    runningS += commonS * busyFraction;
  }
  return presentS > 0 ? runningS / presentS : 0;
}

/** Index of the column that holds `atS`, the first one for what lies before. */
function columnAt(edges: readonly number[], atS: number): number {
  let low = 0;
  let high = edges.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((edges[middle] ?? Infinity) <= atS) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Equal neighbours become one cell: half of the points of a typical run. */
function append(cells: LaneCell[], cell: LaneCell): void {
  const last = cells.at(-1);
  const continues =
    last?.endS === cell.startS && last.running === cell.running && last.leased === cell.leased;
  if (continues) last.endS = cell.endS;
  else cells.push(cell);
}

function toHundredths(share: number): number {
  return Math.round(share * 100) / 100;
}
