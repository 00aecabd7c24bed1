import type { ChartDataset, LegendItem } from 'chart.js';
import { type Lane, type LaneCell, type Lanes, lanesOf } from '../lanes.js';
import { formatCount, formatPercent, formatSpan, type TimeUnit, timeUnitFor } from '../numbers.js';
import type { Profile } from '../series.js';
import { titleOf } from '../throughput.js';
import { CHART_WIDTH, type Chart, COLORS, commonOptions, type Point, timeAxis } from './chart.js';

/** Share of a lane's room that its band fills. */
const BAND = 0.74;
/** Room below the last lane, so that it does not stand on the axis. */
const FOOT = 0.15;
/** The lane of all workers is the one to look at first: it never gets as thin as those of many workers. */
const TOGETHER_PX = 40;
/** Least distance of two marks, as a share of the time shown. */
const MARK_SPACING = 1 / 150;
/** Room for title, legend and time axis, in pixels. */
const AROUND_PX = 158;

type Layer = { color: string; height: (cell: LaneCell) => number };
/** A lane and where its band stands, in units of the height of a worker's lane. */
type Placed = { lane: Lane; base: number; height: number; isTogether: boolean; layers: Layer[] };

/**
 * Who was busy when: a lane per worker. Its band is grey while the worker is there, pale while its slots are leased, and
 * filled from below by the share of the time that tasks ran, so a gap at any height is idle time.
 */
export function busyChart(profile: Profile): Chart {
  const lanes = lanesOf(profile);
  const placed = place(lanes);
  const count = placed.reduce((top, { base, height }) => Math.max(top, base + height + 0.2), 1);
  const unit = timeUnitFor(lanes ? lanes.shown.endS - lanes.shown.startS : 0);
  const [from, to] = lanes ? [lanes.shown.startS / unit.seconds, lanes.shown.endS / unit.seconds] : [0, 1];
  const datasets = placed.flatMap((lane) => lane.layers.map((layer) => band(lane, layer, unit)));
  const options = commonOptions(titleOf(profile), subtitleOf(profile, lanes));
  return {
    width: CHART_WIDTH,
    height: Math.round(Math.max(240, AROUND_PX + (count + FOOT) * lanePx(placed.length))),
    config: {
      type: 'line',
      data: {
        datasets: [...failureMarks(placed, (to - from) * unit.seconds * MARK_SPACING, unit), ...datasets],
      },
      options: {
        ...options,
        // Points are given as drawn and in order; there are many of them.
        parsing: false,
        normalized: true,
        plugins: { ...options.plugins, legend: legend(placed) },
        scales: {
          x: timeAxis(from, to, unit, 'the profile began'),
          y: {
            type: 'linear',
            min: -FOOT,
            max: count,
            grid: { display: false },
            border: { display: false },
            afterBuildTicks: (axis) => {
              axis.ticks = placed.map(({ base, height }) => ({ value: base + height / 2 }));
            },
            ticks: {
              autoSkip: false,
              color: COLORS.text,
              font: (context) => ({
                size: placed.length > 24 ? 10 : 12,
                weight: placed[context.index]?.isTogether ? 'bold' : 'normal',
              }),
              callback: (_value, index) => labelOf(placed[index]),
            },
          },
        },
      },
    },
  };
}

function place(lanes: Lanes | null): Placed[] {
  if (!lanes) return [];
  const layers = (running: string, leased: string): Layer[] => [
    { color: running, height: (cell) => cell.running },
    { color: leased, height: (cell) => cell.leased },
    { color: COLORS.idle, height: () => 1 },
  ];
  const ofWorkers = lanes.workers.map((lane, index) => ({
    lane,
    base: lanes.workers.length - 1 - index,
    height: BAND,
    isTogether: false,
    layers: layers(COLORS.running, COLORS.leased),
  }));
  if (!lanes.together) return ofWorkers;
  const together = {
    lane: lanes.together,
    base: lanes.workers.length + 0.25,
    height: Math.max(BAND, TOGETHER_PX / lanePx(lanes.workers.length + 1)),
    isTogether: true,
    layers: layers(COLORS.together, COLORS.togetherLeased),
  };
  return [together, ...ofWorkers];
}

function lanePx(lanes: number): number {
  if (lanes <= 3) return 64;
  if (lanes <= 6) return 50;
  if (lanes <= 18) return 32;
  return 20;
}

function labelOf(placed: Placed | undefined): string {
  if (!placed) return '';
  // Figure spaces are as wide as digits: the names stay in line.
  return `${placed.lane.label}  ${formatPercent(placed.lane.share).padStart(5, '\u2007')}`;
}

function band({ lane, base, height }: Placed, layer: Layer, unit: TimeUnit): ChartDataset<'line', Point[]> {
  const data: Point[] = [];
  let last: { endS: number; y: number } | null = null;
  for (const cell of lane.cells) {
    // Some viewers show an area of no height as a line.
    if (layer.height(cell) === 0) continue;
    const x = cell.startS / unit.seconds;
    if (last && last.endS < cell.startS) data.push({ x, y: NaN });
    const y = base + height * layer.height(cell);
    const continues = last?.endS === cell.startS && last.y === y;
    if (continues) data.pop();
    else data.push({ x, y });
    data.push({ x: cell.endS / unit.seconds, y });
    last = { endS: cell.endS, y };
  }
  return { data, borderWidth: 0, pointRadius: 0, backgroundColor: layer.color, fill: { value: base } };
}

/** A mark above the band wherever a task failed; the lane of all workers has none, it would only repeat them. */
function failureMarks(
  placed: readonly Placed[],
  nearS: number,
  unit: TimeUnit,
): ChartDataset<'line', Point[]>[] {
  const data: Point[] = [];
  for (const { lane, base, height, isTogether } of placed) {
    let lastS = -Infinity;
    for (const atS of isTogether ? [] : lane.failuresAtS) {
      // Marks that would cover each other are one.
      if (atS - lastS < nearS) continue;
      data.push({ x: atS / unit.seconds, y: base + height });
      lastS = atS;
    }
  }
  if (data.length === 0) return [];
  const mark = { pointStyle: 'triangle', pointRotation: 180, pointRadius: 4.5, borderWidth: 1 } as const;
  return [{ data, showLine: false, ...mark, backgroundColor: COLORS.failed, borderColor: '#ffffff' }];
}

function legend(placed: readonly Placed[]) {
  const cells = placed.flatMap(({ lane }) => lane.cells);
  const item = (text: string, fillStyle: string, pointStyle: 'rect' | 'triangle'): LegendItem => {
    return { text, fillStyle, strokeStyle: fillStyle, lineWidth: 0, pointStyle, fontColor: COLORS.text };
  };
  const items = [item('running tasks', COLORS.running, 'rect')];
  if (cells.some(({ leased, running }) => leased > running + 0.01)) {
    items.push(item('leased, nothing running', COLORS.leased, 'rect'));
  }
  items.push(item('idle', COLORS.idle, 'rect'));
  if (placed.some(({ lane }) => lane.failuresAtS.length > 0)) {
    items.push({ ...item('a task failed', COLORS.failed, 'triangle'), rotation: 180 });
  }
  const labels = {
    usePointStyle: true,
    boxHeight: 10,
    pointStyleWidth: 14,
    padding: 14,
    generateLabels: () => items,
  };
  return { display: cells.length > 0, position: 'bottom', align: 'start', labels } as const;
}

function subtitleOf({ sampled, active }: Profile, lanes: Lanes | null): string {
  if (!sampled || !lanes) return 'The file holds a header and no rows.';
  if (!active) return `Nothing ran in the ${formatSpan(sampled.endS - sampled.startS)} that were sampled.`;
  const parts = ['Height of the fill, and percentage: share of the time spent running tasks.'];
  const before = lanes.shown.startS - sampled.startS;
  const after = sampled.endS - lanes.shown.endS;
  const cut = [
    before >= 1 ? `${formatSpan(before)} before` : '',
    after >= 1 ? `${formatSpan(after)} after` : '',
  ];
  const left = cut.filter((part) => part !== '').join(' and ');
  if (left) parts.push(`Idle time not shown: ${left}.`);
  else if (lanes.together)
    parts.push(`All workers: the mean of ${formatCount(lanes.workers.length, 'worker')}.`);
  return parts.join(' ');
}
