import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  axisTitle,
  CHART_WIDTH,
  type Chart,
  COLORS,
  commonOptions,
  LINE_COLORS,
} from '../../src/grapher/charts/chart.js';
import type { Format } from '../../src/grapher/render.js';

/** One policy at one load; durations in ms. */
export interface SimulationRow {
  policy: string;
  load: number;
  mean_wait_ms: number;
  p99_wait_ms: number;
  mean_total_ms: number;
  p99_total_ms: number;
}

const PANELS = [
  { axis: 'p99', figure: 'p99_wait_ms', title: 'p99, times first-free’s' },
  { axis: 'mean', figure: 'mean_wait_ms', title: 'mean, times first-free’s' },
] as const;

/** What the others are compared with. */
const BASE = 'first-free';

/** Two panels, a group of bars per load, a bar per policy. Gives the files written. */
export async function drawSimulation(rows: readonly SimulationRow[]): Promise<string[]> {
  const base = rows.filter(({ policy }) => policy === BASE);
  const policies = [...new Set(rows.map(({ policy }) => policy))].filter((policy) => policy !== BASE);
  const options = commonOptions(
    `How long tasks wait, beside ${BASE}`,
    'simulated: 4 workers of 2 slots, the first at half speed; heavy-tailed durations; medians of 9 runs; less is better',
  );
  const axis = {
    type: 'linear',
    position: 'left',
    stack: 'panels',
    min: 0.4,
    max: 1.6,
    border: { display: false },
    grid: { color: COLORS.grid },
    ticks: {
      color: COLORS.quiet,
      stepSize: 0.2,
      callback: (value: number | string) => Number(value).toFixed(1),
    },
  } as const;
  const inS = (ms: number) => `${(ms / 1_000).toPrecision(2)} s`;
  const chart: Chart = {
    width: CHART_WIDTH,
    height: 640,
    config: {
      type: 'bar',
      data: {
        labels: base.map(({ load, mean_wait_ms, p99_wait_ms }) => [
          `load ${Math.round(100 * load)} %`,
          `${BASE}: ${inS(mean_wait_ms)}, p99 ${inS(p99_wait_ms)}`,
        ]) as never,
        datasets: PANELS.flatMap(({ axis: yAxisID, figure }) =>
          policies.map((policy, index) => ({
            label: policy,
            data: rows
              .filter((row) => row.policy === policy)
              .map((row, group) => row[figure] / (base[group]?.[figure] ?? Number.NaN)),
            yAxisID,
            // Bars of the same stack in different panels stand in line.
            stack: policy,
            base: 1,
            backgroundColor: LINE_COLORS[index] ?? COLORS.text,
          })),
        ),
      },
      options: {
        ...options,
        datasets: { bar: { categoryPercentage: 0.7, barPercentage: 0.9 } },
        plugins: {
          ...options.plugins,
          legend: {
            display: true,
            position: 'bottom',
            align: 'start',
            labels: {
              boxWidth: 12,
              padding: 14,
              color: COLORS.text,
              filter: ({ datasetIndex = 0 }) => datasetIndex < policies.length,
            },
          },
        },
        scales: {
          x: { grid: { display: false }, ticks: { color: COLORS.text, font: { size: 11 } } },
          mean: { ...axis, title: axisTitle(PANELS[1].title), weight: 2 },
          gap: {
            type: 'linear',
            position: 'left',
            stack: 'panels',
            stackWeight: 0.08,
            weight: 1.5,
            ticks: { display: false },
            grid: { display: false },
            border: { display: false },
          },
          p99: { ...axis, title: axisTitle(PANELS[0].title), weight: 1 },
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
    const path = `plots/simulation.${format}`;
    await writeFile(path, await render(chart, format));
    written.push(path);
  }
  return written;
}
