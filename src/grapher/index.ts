import { type BenchCell, parseBench } from './bench.js';
import { benchChart } from './charts/bench.js';
import { busyChart } from './charts/busy.js';
import type { Chart } from './charts/chart.js';
import { throughputChart } from './charts/throughput.js';
import { kindOf } from './csv.js';
import { GrapherError } from './errors.js';
import { type Input, makeFolder, readInputs, writePicture } from './files.js';
import { formatCount, formatNumber } from './numbers.js';
import { parseProfile } from './profile.js';
import type { Format } from './render.js';
import { type Profile, toProfile } from './series.js';
import { summaryOf } from './throughput.js';

export { GrapherError } from './errors.js';
export type { Format } from './render.js';

/** Every format that can be asked for, the default first. */
export const FORMATS: readonly Format[] = ['pdf', 'png', 'svg'];

/** What to write, and where. */
export type GraphOptions = {
  /** Folder of the pictures; made if need be. @default 'plots' */
  out?: string;
  /** One picture per chart and format. @default ['pdf'] */
  formats?: readonly Format[];
};

/** What was done: the files in the order they were written, and a line for people per input. */
export type GraphResult = { written: string[]; summaries: string[] };

type Picture = { stem: string; chart: Chart };
type Run = { input: Input; profile: Profile };
type Bench = { input: Input; cells: BenchCell[] };

/**
 * Draws profiles and benches, told apart by their headers: `busy` and `throughput` for a profile (`busy-<name>` each and
 * one `throughput` for several), `bench` for a bench. Nothing is written before all files were read and understood.
 * @param files paths; a bare name is also looked for in `profiling/`
 * @throws GrapherError in one sentence for anything a person can put right
 */
export async function graph(files: readonly string[], options: GraphOptions = {}): Promise<GraphResult> {
  const { out = 'plots' } = options;
  const formats = checkFormats(options.formats ?? ['pdf']);
  if (files.length === 0)
    throw new GrapherError('Name at least one CSV file, such as profiling/results_2.csv.');
  const runs: Run[] = [];
  const benches: Bench[] = [];
  const summaries: string[] = [];
  const inputs = await readInputs(files);
  for (const input of inputs) {
    const { name, stem, text } = input;
    if (kindOf(text, name) === 'bench') {
      const cells = parseBench(text, name);
      benches.push({ input, cells });
      summaries.push(...benchSummaries(`${stem}.csv`, cells));
    } else {
      const profile = toProfile(`${stem}.csv`, parseProfile(text, name));
      runs.push({ input, profile });
      summaries.push(inputs.length > 1 ? `${stem}.csv: ${summaryOf(profile)}` : summaryOf(profile));
    }
  }
  const { render } = await import('./render.js');
  await makeFolder(out);
  const written: string[] = [];
  for (const { stem, chart } of picturesOf(runs, benches)) {
    for (const format of new Set(formats)) {
      const bytes = await render(chart, format).catch((error: unknown) => {
        throw withoutCanvas(error);
      });
      written.push(await writePicture(out, `${stem}.${format}`, bytes));
    }
  }
  return { written, summaries };
}

function picturesOf(runs: readonly Run[], benches: readonly Bench[]): Picture[] {
  const pictures: Picture[] = runs.map(({ input, profile }) => {
    return { stem: runs.length === 1 ? 'busy' : `busy-${input.stem}`, chart: busyChart(profile) };
  });
  if (runs.length > 0) {
    pictures.push({ stem: 'throughput', chart: throughputChart(runs.map(({ profile }) => profile)) });
  }
  for (const { input, cells } of benches) {
    const stem = benches.length === 1 ? 'bench' : `bench-${input.stem}`;
    pictures.push({ stem, chart: benchChart(`${input.stem}.csv`, cells) });
  }
  return pictures;
}

function checkFormats(formats: readonly Format[]): readonly Format[] {
  if (formats.length === 0) throw new GrapherError(`Name at least one format: ${FORMATS.join(', ')}.`);
  for (const format of formats) {
    if (!FORMATS.includes(format)) {
      throw new GrapherError(`Format "${String(format)}" is not known: use ${FORMATS.join(', ')}.`);
    }
  }
  return formats;
}

/** Per function its best cell, held against one client and one worker. */
function benchSummaries(name: string, cells: readonly BenchCell[]): string[] {
  if (cells.length === 0) return [`${name}: no measurements in it.`];
  return [...new Set(cells.map((cell) => cell.function))].map((label) => {
    const ofFunction = cells.filter((cell) => cell.function === label);
    const best = ofFunction.reduce((most, cell) => (cell.throughputPerS > most.throughputPerS ? cell : most));
    const base = ofFunction.find(({ clients, workers }) => clients === 1 && workers === 1);
    const size = `${formatCount(best.clients, 'client')} x ${formatCount(best.workers, 'worker')}`;
    const gain =
      base && base !== best && base.throughputPerS > 0
        ? `, ${formatNumber(best.throughputPerS / base.throughputPerS, 2)} times 1 x 1`
        : '';
    return `${name}: ${label}: at most ${formatNumber(best.throughputPerS, 2)} tasks/s (${size}${gain})`;
  });
}

/** The one thing a person has to install for pictures, as a sentence; any other error as it is. */
function withoutCanvas(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const isMissing = 'code' in error && error.code === 'MODULE_NOT_FOUND';
  if (isMissing && error.message.includes("'@napi-rs/canvas")) {
    return new GrapherError(
      'Drawing needs @napi-rs/canvas, which is not installed: npm install @napi-rs/canvas@1.0.11',
    );
  }
  if (error.message.includes('native binding')) {
    return new GrapherError(
      `@napi-rs/canvas has no binary for ${process.platform}-${process.arch} here: npm install @napi-rs/canvas@1.0.11`,
    );
  }
  return error;
}
