// npm run bench:peers: offhand beside other pools and beside what the wire itself can do, interleaved in one run.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { stringify } from 'csv-stringify/sync';
import { build } from 'esbuild';
import yargs from 'yargs';
import { startServerProcess } from '../server-process.js';
import { roundsFor } from '../work.js';
import { drawPeers } from './chart.js';
import { type ContenderName, CONTENDERS } from './contenders.js';
import { type Floor, measureFloor } from './floor.js';
import type { Measured } from './measure.js';
import { NaivePool } from './naive.js';
import { median, quantile } from './statistics.js';

const CROWD = 4;

/** All but offhand and the pool it is compared with pair by pair are measured in every third round. */
const PAIRED: readonly ContenderName[] = ['offhand', 'piscina'];
const EVERY = 3;

const { repeat, only } = await yargs(process.argv.slice(2))
  .option('repeat', { type: 'number', default: 9, describe: 'how often each is measured' })
  .option('only', { type: 'string', array: true, describe: 'names of contenders' })
  .strict()
  .parseAsync();

await build({
  entryPoints: ['measure', 'naive-server', 'echo-server', 'tasks', 'crowd-client'].map(
    (name) => `bench/peers/${name}.ts`,
  ),
  outdir: 'build/bench/peers',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
});

const names = (Object.keys(CONTENDERS) as ContenderName[]).filter((name) => !only || only.includes(name));
const runs = new Map<ContenderName, Measured[]>(names.map((name) => [name, []]));
const floors: Floor[] = [];
const crowds = { offhand: [] as number[], naive: [] as number[] };
const rounds = roundsFor(10);
const bar = new SingleBar({
  format: '{bar} {percentage} %  {what}',
  hideCursor: true,
  clearOnComplete: true,
});
bar.start(repeat, 0, { what: 'starting' });
for (let i = 0; i < repeat; i++) {
  for (const name of names) {
    if (i % EVERY > 0 && !PAIRED.includes(name)) continue;
    bar.update({ what: `${i + 1} of ${repeat}: ${name}` });
    runs.get(name)?.push(await measure(name));
  }
  if (i % EVERY > 0) {
    bar.increment();
    continue;
  }
  bar.update({ what: `${i + 1} of ${repeat}: the wire` });
  floors.push(await measureFloor());
  bar.update({ what: `${i + 1} of ${repeat}: ${CROWD} clients, ${CROWD} workers` });
  crowds.offhand.push(await crowd('offhand'));
  crowds.naive.push(await crowd('naive'));
  bar.increment();
}
bar.stop();

const of = (name: ContenderName, key: keyof Measured) => (runs.get(name) ?? []).map((run) => run[key]);
const FIGURES: [key: keyof Measured, title: string, digits: number][] = [
  ['singleP50Us', 'W1 one call, p50, µs', 0],
  ['singleP99Us', 'W1 one call, p99, µs', 0],
  ['runPerS', 'W2 10,000 at once, run, calls/s', 0],
  ['mapPerS', 'W2 10,000 at once, map, calls/s', 0],
  ['efficiency', 'W3 200 x 10 ms CPU, efficiency', 3],
  ['inMs', 'W4 1 MiB in, ms', 2],
  ['outMs', 'W4 1 MiB out, ms', 2],
  ['coldMs', 'W5 cold start to first result, ms', 0],
  ['workerMb', 'W6 idle worker process, MB', 0],
  ['clientMb', 'W6 client, MB', 0],
];

print();
await write();

async function measure(name: ContenderName): Promise<Measured> {
  const child = fork('build/bench/peers/measure.mjs');
  child.send([name, rounds]);
  return (await answer(child)) as Measured;
}

/** Calls per second of several clients together. */
async function crowd(kind: 'offhand' | 'naive'): Promise<number> {
  const server = kind === 'offhand' ? await startServerProcess(CROWD, ['--no-profile']) : undefined;
  const naive = new NaivePool(CROWD);
  if (!server) await naive.start();
  const env = server?.env ?? process.env;
  const clients = Array.from({ length: CROWD }, () => fork('build/bench/peers/crowd-client.mjs', { env }));
  await Promise.all(
    clients.map(async (client) => {
      client.send([kind, server?.address ?? naive.coordinator, 2]);
      await answer(client);
    }),
  );
  for (const client of clients) client.send('go');
  const perS = (await Promise.all(clients.map((client) => answer(client)))) as number[];
  await server?.stop();
  await naive.stop();
  return perS.reduce((sum, one) => sum + one, 0);
}

async function answer(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a process of the benchmark ended before its time');
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown];
  ended.catch(() => undefined);
  return message;
}

function print(): void {
  const table = new Table({
    head: ['median (quartiles)', ...names],
    colAligns: ['left', ...names.map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
  for (const [key, title, digits] of FIGURES) {
    table.push([title, ...names.map((name) => spread(of(name, key), digits))]);
  }
  console.log(table.toString());
  const single = floors.flatMap(({ singleUs }) => quantile(singleUs, 0.5));
  console.log(
    `\nthe wire (grpc-js, two processes): single echo ${spread(single, 0)} µs; 64 under way ${spread(
      floors.map((floor) => floor.windowedPerS),
      0,
    )}/s`,
  );
  for (const [way, key] of [
    ['to the server', 'inMibPerS'],
    ['to the client', 'outMibPerS'],
  ] as const) {
    const [plain, wide] = (['default', 'wide'] as const).map((window) =>
      spread(
        floors.map((floor) => floor[key][window]),
        0,
      ),
    );
    console.log(
      `  one-way 1 MiB ${way}: ${plain} MiB/s at default settings, ${wide} with a client window of 64 MiB`,
    );
  }
  console.log(
    `${CROWD} clients x ${CROWD} workers, no-op, run: offhand ${spread(crowds.offhand, 0)}/s, naive ${spread(crowds.naive, 0)}/s`,
  );
  console.log('\nto reach                                       at least   aim   reached');
  for (const [what, least, aim, reached] of goals(single)) {
    console.log(
      `${what.padEnd(46)} ${String(least).padStart(8)} ${String(aim).padStart(5)} ${reached.toFixed(2).padStart(9)}`,
    );
  }
  console.log(
    `\n${cpus().length} cores (${cpus()[0]?.model}), Node ${process.versions.node}, ${repeat} repetitions`,
  );
}

function goals(single: number[]): [what: string, least: number, aim: number, reached: number][] {
  const ratio = (key: keyof Measured, other: ContenderName) =>
    median(of('offhand', key)) / median(of(other, key));
  const pairs = of('offhand', 'efficiency').map(
    (mine, i) => mine / (of('piscina', 'efficiency')[i] ?? Number.NaN),
  );
  return [
    [
      'W1 p50 against the single echo, at most',
      1.5,
      1.15,
      median(of('offhand', 'singleP50Us')) / median(single),
    ],
    ['W2 run against piscina', 1.5, 2.5, ratio('runPerS', 'piscina')],
    ['W2 map against piscina, 16 at a time', 3, 6, ratio('mapPerS', 'piscina, 16 at a time')],
    ['W3 efficiency, median of pairs with piscina', 0.97, 1, median(pairs)],
    ['W4 in against the naive pool', 2, 4, 1 / ratio('inMs', 'naive three calls')],
    ['W4 out against the naive pool', 2, 4, 1 / ratio('outMs', 'naive three calls')],
    ['W5 cold start, ms, at most', 500, 250, median(of('offhand', 'coldMs'))],
    ['W6 idle worker, MB, at most', 115, 90, median(of('offhand', 'workerMb'))],
    ['4 x 4 against the naive pool', 20, 60, median(crowds.offhand) / median(crowds.naive)],
  ];
}

function spread(values: readonly number[], digits: number): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return '';
  const text = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text(median(finite))} (${text(quantile(finite, 0.25))}-${text(quantile(finite, 0.75))})`;
}

async function write(): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const [name, measured] of runs) {
    measured.forEach((run, i) => {
      for (const [key, title] of FIGURES)
        if (Number.isFinite(run[key])) rows.push([title, name, i + 1, run[key]]);
    });
  }
  floors.forEach((floor, i) => {
    rows.push(['W1 one call, p50, µs', 'grpc-js echo', i + 1, quantile(floor.singleUs, 0.5)]);
    rows.push(['W1 one call, p99, µs', 'grpc-js echo', i + 1, quantile(floor.singleUs, 0.99)]);
    rows.push(['echo, 64 under way, /s', 'grpc-js echo', i + 1, floor.windowedPerS]);
  });
  for (const [name, values] of Object.entries(crowds)) {
    values.forEach((value, i) => rows.push(['4 clients x 4 workers, run, calls/s', name, i + 1, value]));
  }
  await mkdir('profiling', { recursive: true });
  await writeFile(
    'profiling/peers.csv',
    stringify(rows, { header: true, columns: ['figure', 'pool', 'run', 'value'] }),
  );
  console.log(`wrote profiling/peers.csv, ${(await drawPeers('profiling/peers.csv')).join(', ')}`);
}
