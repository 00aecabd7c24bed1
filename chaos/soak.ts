// npm run soak: holds load on a pool for ten minutes, and prints how memory, handles and latency grow.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'offhand';
import yargs from 'yargs';
import { Sandbox } from '../test/support/sandbox.js';
import { buildHeapProbe } from './build-parts.js';
import { type Measured, printGrowth } from './growth.js';
import { liveMbOf } from './live-memory.js';
import { PoolUnderTest } from './pool-under-test.js';
import { Random } from './random.js';
import { whenWhole } from './recovery.js';
import { quantileOf } from './slope.js';
import { SoakLoad } from './soak-load.js';
import { vitalsOf } from './vitals.js';

const SAMPLES = 20;
const COLUMNS = [
  'coordinator MB',
  'coordinator live MB',
  'workers MB',
  'client MB',
  'coordinator handles',
  'workers handles',
  'client handles',
  'no-op p50 ms',
  'no-op p99 ms',
] as const;

const { minutes, workers, seed } = await yargs(process.argv.slice(2))
  .env('OFFHAND_SOAK')
  .option('minutes', { type: 'number', default: 10, describe: 'how long' })
  .option('workers', { type: 'number', default: 4 })
  .option('seed', { type: 'number', default: 1, describe: 'of the tasks' })
  .strictOptions()
  .parseAsync();

await using sandbox = new Sandbox();
// The client's sockets belong where the pool's are.
process.env['XDG_RUNTIME_DIR'] = join(sandbox.dir, 'run');
const main = resolve('dist/cli/main.js');
const heaps = join(sandbox.dir, 'heaps');
mkdirSync(heaps);
const pool = await PoolUnderTest.start(sandbox, {
  main,
  workers,
  slots: 1,
  env: { SOAK_HEAPS: heaps },
  nodeArgs: ['--require', await buildHeapProbe(heaps)],
});
await whenWhole(pool);
const client = await connect(`127.0.0.1:${pool.port}`, { token: sandbox.token });
const load = new SoakLoad(client, new Random(seed));

const startedAt = performance.now();
const samples: Measured[] = [];
while (samples.length < SAMPLES) {
  await delay((minutes * 60_000) / SAMPLES);
  samples.push({ minute: (performance.now() - startedAt) / 60_000, values: await sample() });
}
await load.stop();
await client.close();
const ended = await pool.stop();
printGrowth(COLUMNS, samples);
const isWell = load.surprises.length === 0 && ended === 'code 0';
for (const surprise of load.surprises.slice(0, 5)) console.log(`  ${surprise}`);
if (ended !== 'code 0') console.log(`  the server ended with ${ended}`);
console.log(
  `soak: ${load.calls} calls in ${minutes} min, ${load.surprises.length} of them with an unexpected end`,
);
process.exitCode = isWell ? 0 : 1;

async function sample(): Promise<number[]> {
  const latencies = load.takeLatencies();
  const vitals = [[pool.pid], pool.workerPids, [process.pid]].map(vitalsOf);
  const [coordinatorMb = 0, ...othersMb] = vitals.map(({ rssMb }) => rssMb);
  return [
    coordinatorMb,
    await liveMbOf(pool.pid, heaps),
    ...othersMb,
    ...vitals.map(({ handles }) => handles),
    quantileOf(latencies, 0.5),
    quantileOf(latencies, 0.99),
  ];
}
