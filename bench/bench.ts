// npm run bench: throughput of 1-4 clients on 1-4 workers, a profile of every cell, and the speed-up of two workers.
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { finished } from 'node:stream/promises';
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { stringify } from 'csv-stringify';
import { build } from 'esbuild';
import yargs from 'yargs';
import { type Cell, measure } from './cell.js';
import type { ClientOrder } from './client.js';
import { plainThroughput } from './plain.js';
import { startServerProcess } from './server-process.js';
import { roundsFor } from './work.js';

const SIZES = [1, 2, 3, 4];
const FUNCTIONS = [
  { kind: 'cpu', name: '10 ms CPU', suffix: '' },
  { kind: 'noop', name: 'no-op', suffix: '_noop' },
] as const;
const COLUMNS = ['function', 'clients', 'workers', 'seconds', 'completed', 'failed', 'throughput_per_s'];

const {
  seconds,
  repeat,
  cells: hasCells,
} = await yargs(process.argv.slice(2))
  .option('seconds', { type: 'number', default: 2, describe: 'how long each cell is measured' })
  .option('repeat', { type: 'number', default: 5, describe: 'how often the speed-up is measured' })
  .option('cells', { type: 'boolean', default: true, describe: 'measure the cells, or --no-cells' })
  .strict()
  .parseAsync();

for (const file of ['client', 'plain']) {
  await build({
    entryPoints: [`bench/${file}.ts`],
    outfile: `build/bench/${file}.mjs`,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
}
await mkdir('profiling', { recursive: true });
const rounds = roundsFor(10);
const bar = new SingleBar({
  format: '{bar} {percentage} %  {what}',
  hideCursor: true,
  clearOnComplete: true,
});
bar.start((hasCells ? FUNCTIONS.length * SIZES.length ** 2 : 0) + 2 * repeat, 0, { what: 'starting' });

const cells = hasCells ? await measureCells() : [];
const speedUp = await measureSpeedUp();
bar.stop();
if (hasCells) {
  await writeCells(cells);
  for (const { name } of FUNCTIONS) console.log(tableOf(name, cells));
}
console.log(`\n10 ms CPU, medians of ${repeat} repetitions, interleaved:`);
for (const [what, values] of Object.entries(speedUp)) console.log(`  ${what.padEnd(34)} ${spread(values)}`);
const ratio = median(speedUp['4 clients x 2 workers']) / median(speedUp['1 client x 1 worker']);
const machine = median(speedUp['2 plain processes']) / median(speedUp['1 plain process']);
console.log(`  speed-up of the pool ${ratio.toFixed(2)}, of plain processes ${machine.toFixed(2)}`);
console.log(`\n${cpus().length} cores (${cpus()[0]?.model}), Node ${process.versions.node}`);
if (hasCells)
  console.log(
    'wrote profiling/bench.csv and the profiles beside it; draw them: npx offhand grapher profiling/bench.csv',
  );

async function measureCells(): Promise<Cell[]> {
  const found: Cell[] = [];
  for (const { kind, name, suffix } of FUNCTIONS) {
    for (const workers of SIZES) {
      for (const clients of SIZES) {
        bar.update({ what: `${name}: ${clients} clients, ${workers} workers` });
        const profile = `profiling/results_${clients}x${workers}${suffix}.csv`;
        found.push(
          await measureCell(name, clients, workers, { kind, rounds, seconds }, ['--profile', profile]),
        );
        bar.increment();
      }
    }
  }
  return found;
}

async function measureCell(
  name: string,
  clients: number,
  workers: number,
  order: ClientOrder,
  flags: string[],
): Promise<Cell> {
  const server = await startServerProcess(workers, flags);
  try {
    return { function: name, workers, ...(await measure(server, clients, order)) };
  } finally {
    await server.stop();
  }
}

async function measureSpeedUp(): Promise<Record<string, number[]>> {
  const figures = {
    '1 client x 1 worker': [] as number[],
    '4 clients x 2 workers': [] as number[],
    '1 plain process': [] as number[],
    '2 plain processes': [] as number[],
  };
  const order: ClientOrder = { kind: 'cpu', rounds, seconds };
  for (let i = 0; i < repeat; i++) {
    bar.update({ what: `speed-up ${i + 1} of ${repeat}` });
    figures['1 client x 1 worker'].push(
      (await measureCell('', 1, 1, order, ['--no-profile'])).throughputPerS,
    );
    figures['4 clients x 2 workers'].push(
      (await measureCell('', 4, 2, order, ['--no-profile'])).throughputPerS,
    );
    bar.increment();
    figures['1 plain process'].push(await plainThroughput(1, { rounds, seconds: 1 }));
    figures['2 plain processes'].push(await plainThroughput(2, { rounds, seconds: 1 }));
    bar.increment();
  }
  return figures;
}

async function writeCells(all: Cell[]): Promise<void> {
  const rows = stringify({ header: true, columns: COLUMNS });
  const file = rows.pipe(createWriteStream('profiling/bench.csv'));
  for (const cell of all) {
    const { clients, workers, completed, failed, throughputPerS } = cell;
    rows.write([
      cell.function,
      clients,
      workers,
      cell.seconds.toFixed(3),
      completed,
      failed,
      throughputPerS.toFixed(2),
    ]);
  }
  rows.end();
  await finished(file);
}

function tableOf(name: string, all: Cell[]): string {
  const table = new Table({
    head: [`${name}, calls/s`, ...SIZES.map((workers) => `${workers} worker${workers > 1 ? 's' : ''}`)],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const clients of SIZES) {
    const row = SIZES.map((workers) => {
      const cell = all.find((c) => c.function === name && c.clients === clients && c.workers === workers);
      return cell?.throughputPerS.toFixed(1) ?? '';
    });
    table.push([`${clients} client${clients > 1 ? 's' : ''}`, ...row]);
  }
  return table.toString();
}

function median(values: readonly number[] = []): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(1)} calls/s  (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
}
