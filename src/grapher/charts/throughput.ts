import type { ChartDataset, LegendItem } from 'chart.js';
import { formatCount, formatNumber, type TimeUnit, timeUnitFor } from '../numbers.js';
import type { Profile } from '../series.js';
import { overallThroughput, type RateSeries, rateOverTime, titleOf } from '../throughput.js';
import {
  axisTitle,
  CHART_WIDTH,
  type Chart,
  COLORS,
  commonOptions,
  LINE_COLORS,
  type Point,
  timeAxis,
} from './chart.js';

/** Tasks per second over time: one profile as a filled curve, several as one line each from their first task on. */
export function throughputChart(profiles: readonly Profile[]): Chart {
  const [only] = profiles;
  return profiles.length === 1 && only ? ofOne(only) : ofSeveral(profiles);
}

function ofOne(profile: Profile): Chart {
  const rate = rateOverTime(profile);
  const { active } = profile;
  const [startS, endS] = active ? [active.startS, active.endS] : [0, 0];
  const unit = timeUnitFor(endS - startS);
  const from = startS / unit.seconds;
  const to = endS / unit.seconds;
  const datasets: ChartDataset<'line', Point[]>[] = [];
  const { perS } = overallThroughput(profile);
  if (perS !== null && rate.points.length > 0) {
    const ends = [from, to].map((x) => ({ x, y: perS }));
    // Named in this order in the legend, drawn the other way round.
    const curve = line('completed', steps(rate, 'completedPerS', unit), COLORS.running);
    datasets.push({ ...curve, backgroundColor: `${COLORS.leased}88`, fill: 'origin', order: 2 });
    if (profile.failed > 0) {
      datasets.push({ ...line('failed', steps(rate, 'failedPerS', unit), COLORS.failed), order: 1 });
    }
    const overall = line(`overall: ${formatNumber(perS, 2)} tasks/s`, ends, COLORS.text);
    datasets.push({ ...overall, borderDash: [6, 4], order: 0 });
  }
  return chart(titleOf(profile), subtitleOf([rate]), datasets, timeAxis(from, to, unit, 'the profile began'));
}

function ofSeveral(profiles: readonly Profile[]): Chart {
  const rates = profiles.map((profile) => rateOverTime(profile, WINDOWS_OF_SEVERAL));
  const seconds = profiles.map((profile) => overallThroughput(profile).seconds);
  const longestS = Math.max(0, ...seconds);
  const unit = timeUnitFor(longestS);
  const datasets = profiles.map((profile, index): ChartDataset<'line', Point[]> => {
    const { perS } = overallThroughput(profile);
    const label = `${profile.name}: ${perS === null ? 'no tasks' : `${formatNumber(perS, 2)} tasks/s`}`;
    const originS = profile.active?.startS ?? 0;
    const data = (rates[index]?.points ?? []).map(({ startS, endS, completedPerS }) => {
      return { x: ((startS + endS) / 2 - originS) / unit.seconds, y: completedPerS };
    });
    const color = LINE_COLORS[index % LINE_COLORS.length] ?? COLORS.text;
    const borderDash = [...(DASHES[Math.floor(index / LINE_COLORS.length) % DASHES.length] ?? [])];
    return { ...line(label, data, color), borderDash };
  });
  const title = `Throughput of ${formatCount(profiles.length, 'run')}`;
  const axis = timeAxis(0, longestS / unit.seconds, unit, 'the first task of each run');
  return chart(title, subtitleOf(rates), datasets, axis);
}

/** Lines that cross each other are read more easily with fewer turns. */
const WINDOWS_OF_SEVERAL = 40;
/** For the first round of colours, the second, the third. */
const DASHES = [[], [5, 3], [1.5, 2.5]] as const;

function chart(
  title: string,
  subtitle: string,
  datasets: ChartDataset<'line', Point[]>[],
  x: ReturnType<typeof timeAxis>,
): Chart {
  const options = commonOptions(title, subtitle);
  const rowsOfLegend = Math.ceil(datasets.length / 3);
  return {
    width: CHART_WIDTH,
    height: 420 + rowsOfLegend * 20,
    config: {
      type: 'line',
      data: { datasets },
      options: {
        ...options,
        parsing: false,
        plugins: {
          ...options.plugins,
          legend: {
            display: datasets.length > 0,
            position: 'bottom',
            align: 'start',
            labels: {
              usePointStyle: true,
              pointStyleWidth: 26,
              padding: 12,
              generateLabels: () => datasets.map(legendItem),
            },
          },
        },
        scales: {
          x,
          y: {
            type: 'linear',
            beginAtZero: true,
            ...(datasets.length === 0 && { suggestedMax: 1 }),
            grace: '4%',
            title: axisTitle('throughput (tasks/s)'),
            grid: { color: COLORS.grid },
            border: { display: false },
            ticks: { color: COLORS.quiet, maxTicksLimit: 9 },
          },
        },
      },
    },
  };
}

/** chart.js leaves the dashes out where a legend shows lines. */
function legendItem({ label = '', borderColor, borderDash }: ChartDataset<'line', Point[]>): LegendItem {
  const strokeStyle = typeof borderColor === 'string' ? borderColor : COLORS.text;
  const lineDash = Array.isArray(borderDash) ? borderDash.map(Number) : [];
  return {
    text: label,
    strokeStyle,
    fontColor: COLORS.text,
    lineWidth: 2,
    lineDash,
    pointStyle: 'line',
  };
}

function line(label: string, data: Point[], color: string): ChartDataset<'line', Point[]> {
  return {
    label,
    data,
    borderColor: color,
    backgroundColor: color,
    borderWidth: 1.8,
    pointRadius: data.length === 1 ? 3 : 0,
  };
}

/** A window is counted as a whole, so the curve is flat over it. */
function steps({ points }: RateSeries, of: 'completedPerS' | 'failedPerS', unit: TimeUnit): Point[] {
  return points.flatMap((point) => [
    { x: point.startS / unit.seconds, y: point[of] },
    { x: point.endS / unit.seconds, y: point[of] },
  ]);
}

function subtitleOf(rates: readonly RateSeries[]): string {
  const widths = [...new Set(rates.map(({ windowS }) => windowS).filter((width) => width > 0))];
  const [first] = widths;
  if (first === undefined) return 'No task ran, so there is nothing to draw.';
  const window = widths.length === 1 ? `${first} s` : `${Math.min(...widths)} to ${Math.max(...widths)} s`;
  return `Tasks completed per second, counted in windows of ${window}.`;
}
