import Table from 'cli-table3';
import { slopeOf } from './slope.js';

/** Of the samples, those at the beginning: caches fill, memory settles. */
const WARM_UP = 0.25;

/** What was measured at an instant, in the order of the columns. */
export interface Measured {
  minute: number;
  values: number[];
}

/** Prints a table of the samples, and by how much each column grows per hour, without the first quarter. */
export function printGrowth(columns: readonly string[], samples: readonly Measured[]): void {
  const table = new Table({
    head: ['minute', ...columns],
    style: { head: [], border: [] },
    wordWrap: true,
    colAligns: Array.from({ length: columns.length + 1 }, () => 'right' as const),
  });
  for (const { minute, values } of samples) table.push([minute.toFixed(1), ...values.map(short)]);
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  const slopes = columns.map((_, column) =>
    slopeOf(warm.map(({ minute, values }) => ({ x: minute / 60, y: values[column] ?? 0 }))),
  );
  table.push(['per hour', ...slopes.map((slope) => `${slope > 0 ? '+' : ''}${short(slope)}`)]);
  console.log(table.toString());
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}
