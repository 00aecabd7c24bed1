import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'csv-parse/sync';
import {
  axisTitle,
  CHART_WIDTH,
  type Chart,
  COLORS,
  commonOptions,
  LINE_COLORS,
} from '../../src/grapher/charts/chart.js';
import type { Format } from '../../src/grapher/render.js';
import { median } from './statistics.js';

/** Piscina at its defaults: the pool that most people know. */
const BASE = 'piscina';

/** Drawn in this order; the rest of the file is not about speed. */
const FIGURES: [prefix: string, label: string[]][] = [
  ['W1 one call, p50', ['one call', 'at a time']],
  ['W2 10,000 at once, run', ['10,000 calls', 'at once']],
  ['W2 10,000 at once, map', ['10,000 items', 'by map']],
  ['W3 ', ['200 tasks of', '10 ms CPU']],
  ['W4 1 MiB in', ['1 MiB in']],
  ['W4 1 MiB out', ['1 MiB out']],
];

/** One figure: how fast each pool is at it, as a multiple of {@link BASE}; pools that were not measured are missing. */
interface Comparison {
  label: string[];
  speed: Map<string, number>;
}

/** Draws what `npm run bench:peers` has measured. Gives the files written. */
export async function drawPeers(csv: string): Promise<string[]> {
  const rows: { figure: string; pool: string; value: string }[] = parse(await readFile(csv), {
    columns: true,
  });
  const valuesOf = (prefix: string, pool: string) =>
    rows.filter((row) => row.figure.startsWith(prefix) && row.pool === pool).map((row) => Number(row.value));
  const pools = [...new Set(rows.map((row) => row.pool))];
  const comparisons = FIGURES.map(([prefix, label]): Comparison => {
    const base = median(valuesOf(prefix, BASE));
    const isDuration = rows.some((row) => row.figure.startsWith(prefix) && /(µs|ms)$/.test(row.figure));
    const speed = new Map<string, number>();
    for (const pool of pools) {
      const value = median(valuesOf(prefix, pool));
      if (Number.isFinite(value)) speed.set(pool, isDuration ? base / value : value / base);
    }
    return { label, speed };
  });
  return draw(comparisons);
}

const HEIGHT = 460;

/** A group of bars per figure, a bar per pool. */
async function draw(comparisons: readonly Comparison[]): Promise<string[]> {
  const pools = [...new Set(comparisons.flatMap(({ speed }) => [...speed.keys()]))];
  const options = commonOptions(
    `Two workers, one client: how fast beside ${BASE}`,
    'a logarithmic scale: 10 is ten times as fast, 0.1 takes ten times as long; medians',
  );
  const chart: Chart = {
    width: CHART_WIDTH,
    height: HEIGHT,
    config: {
      type: 'bar',
      data: {
        labels: comparisons.map(({ label }) => label) as never,
        datasets: pools
          .filter((pool) => pool !== BASE)
          .map((pool, index) => ({
            label: pool,
            data: comparisons.map(({ speed }) => speed.get(pool) ?? null),
            backgroundColor: LINE_COLORS[index % LINE_COLORS.length] ?? COLORS.text,
            base: 1,
          })),
      },
      options: {
        ...options,
        datasets: { bar: { categoryPercentage: 0.82, barPercentage: 0.9 } },
        plugins: {
          ...options.plugins,
          legend: {
            display: true,
            position: 'bottom',
            align: 'start',
            labels: { boxWidth: 12, padding: 14 },
          },
        },
        scales: {
          x: { grid: { display: false }, ticks: { color: COLORS.text, font: { size: 12 } } },
          y: {
            type: 'logarithmic',
            title: axisTitle(`times as fast as ${BASE}`),
            grid: { color: COLORS.grid },
            ticks: {
              color: COLORS.quiet,
              callback: (value) => (isRound(Number(value)) ? String(value) : ''),
            },
          },
        },
      },
    },
  };
  const { render } = (await import(pathToFileURL(resolve('dist/grapher/render.js')).href)) as {
    render: (chart: Chart, format: Format) => Promise<Uint8Array>;
  };
  await mkdir('plots', { recursive: true });
  const written: string[] = [];
  for (const format of ['pdf', 'png'] as const) {
    const path = `plots/peers.${format}`;
    await writeFile(path, await render(chart, format));
    written.push(path);
  }
  return written;
}

/** 0.1, 1, 10: the steps that are labelled. */
function isRound(value: number): boolean {
  return Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6);
}
