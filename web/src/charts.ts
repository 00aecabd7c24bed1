// What draws the run so far. It is large, so it is a file of its own, loaded when somebody looks at that; it imports nothing of the
// page, so that no part of that is in it.
import {
  Chart,
  Filler,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  type ChartConfiguration,
} from 'chart.js';
import {
  busyChart,
  type Chart as Definition,
  summaryOf,
  throughputChart,
  toProfile,
} from '../../src/grapher/charts/index.js';
import { rowsFrom } from './profile-rows.js';

Chart.register(LineController, LineElement, PointElement, LinearScale, Filler, Legend);

/** A chart; its words are set by the page itself. */
export interface Picture {
  name: string;
  /** How to read it. */
  reading: string;
  /** In px. */
  height: number;
  /** @returns takes it away. */
  drawOn: (canvas: HTMLCanvasElement) => () => void;
}

export interface Run {
  /** How many rows there are to draw. */
  rows: number;
  /** What was achieved, in a line. */
  summary: string;
  pictures: Picture[];
}

/** @param lastMs the rows are those of so much time, where there are as many. */
export function runFrom(name: string, csv: string, lastMs: number | undefined): Run {
  const rows = rowsFrom(csv);
  const isCut = lastMs !== undefined && (rows.at(-1)?.timeS ?? 0) * 1_000 > lastMs;
  const profile = toProfile(name, rows, isCut);
  return {
    rows: rows.length,
    summary: summaryOf(profile),
    pictures: [
      pictureFrom('Busy', busyChart(profile)),
      pictureFrom('Throughput', throughputChart([profile])),
    ],
  };
}

function pictureFrom(name: string, { config, height }: Definition): Picture {
  const { options = {}, ...others } = config as ChartConfiguration;
  const { title: _, subtitle, ...plugins } = options.plugins ?? {};
  return {
    name,
    reading: [subtitle?.text ?? ''].flat().join(' '),
    height,
    drawOn: (canvas) => {
      const fitted = { ...options, responsive: true, maintainAspectRatio: false, plugins };
      Chart.defaults.font.family = getComputedStyle(canvas).fontFamily;
      const layout = { padding: { top: 8, right: 12, bottom: 0, left: 0 } };
      const chart = new Chart(canvas, { ...others, options: { ...fitted, layout } });
      return () => chart.destroy();
    },
  };
}
