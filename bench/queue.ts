// npm run bench:queue: what a submitted task costs, from the first word to its result, on a server with each store. Prints a
// table; --pending N holds so many tasks (one million unless given), --tasks N submits so many in bulk, --only WORD measures
// those stores alone whose name has it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { connect, type Pool } from 'offhand';
import { Sandbox } from '../test/support/sandbox.js';
import { NATS_SERVER, startNats } from '../test/support/nats.js';
import { startServer, type TestServer } from '../test/support/server.js';
import { Caller, COORDINATOR } from '../test/support/rpc.js';
import { BullMq, hasRedis } from './bullmq.js';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '50000' },
    pending: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    // Of a server, for a process that only submits to it: tasks that run, or such as wait for an hour.
    load: { type: 'string' },
    waiting: { type: 'boolean', default: false },
  },
});
const [TASKS, PENDING] = [Number(values.tasks), Number(values.pending)];
const SAMPLES = 400;
/** Calls of FindFreeWorker: the 99th percentile of fewer is what single collections of garbage make it. */
const FINDS = 1_500;
const HOUR_MS = 3_600_000;
const IN_BULK = 'acknowledged, in bulk';
const END_TO_END = 'submitted, run, result fetched, in bulk';
const ONE_BY_ONE = 'one after another, median';

const hasNats = spawnSync(NATS_SERVER, ['--version']).status === 0;
const noop = (n: number) => n;
if (values.load === undefined) await compare();
else await submitTo(values.load);

async function compare(): Promise<void> {
  const stores: Record<string, () => Promise<Record<string, string>>> = {
    ...(hasRedis && { 'BullMQ, memory': measureBullMq }),
    memory: () => measure('memory'),
    file: () => measure('file:queue'),
    ...(hasNats && { 'NATS, 1 replica': () => measureNats(1), 'NATS, 3 replicas': () => measureNats(3) }),
  };
  const columns: Record<string, Record<string, string>> = {};
  for (const [name, measureIt] of Object.entries(stores))
    if (name.includes(values.only)) columns[name] = await measureIt();
  const table = new Table({ head: ['', ...Object.keys(columns)], style: { head: [], border: [] } });
  for (const what of new Set(Object.values(columns).flatMap((column) => Object.keys(column))))
    table.push([
      what,
      ...Object.values(columns).map((column) => ({ hAlign: 'right' as const, content: column[what] ?? '' })),
    ]);
  console.log(table.toString());
  if (!hasRedis) console.log('for BullMQ beside it: apt-get install redis-server');
}

/** Servers of NATS are on this machine too. */
async function measureNats(nodes: number): Promise<Record<string, string>> {
  await using sandbox = new Sandbox();
  await using nats = await startNats(sandbox, { nodes });
  return await measure(nats.url(), ['--store-replicas', String(nodes)]);
}

async function measure(store: string, more: string[] = []): Promise<Record<string, string>> {
  await using sandbox = new Sandbox();
  const flags = [
    ...more,
    '2',
    '--no-profile',
    '--store',
    store,
    '--keep-count',
    '10000000',
    '--max-queued',
    '2000000',
  ];
  let server = await startServer(sandbox, flags);
  let pool = await dial(server);
  const figures: Record<string, string> = {};
  await inBulk(pool, 5_000);

  const { submitMs, allMs } = await inBulk(pool, TASKS);
  figures[IN_BULK] = rate({ tasks: TASKS, ms: submitMs });
  figures[END_TO_END] = rate({ tasks: TASKS, ms: allMs });
  figures[ONE_BY_ONE] = ms(quantile(await times(200, (n) => roundTrip(pool, n)), 0.5));

  figures['FindFreeWorker, p99'] = await findP99(server);
  const running = await loadOn(server, []);
  // Its tasks have both workers: whoever else wants one waits until it is asked back and has ended what it runs.
  figures['beside tasks that are submitted and run'] = await findP99(server);
  figures['those'] = rate(await running.stop());

  // What ran so far is kept; what waits is to be held by a server that has nothing else.
  await pool.close();
  await server.stop();
  server = await startServer(sandbox, flags);
  pool = await dial(server);
  const submitLater = () => pool.submit(noop, [1], { delayMs: HOUR_MS });
  await hold(pool, 1_000);
  figures['submit at 1,000 pending, p99'] = ms(quantile(await times(SAMPLES, submitLater), 0.99));
  const waiting = await loadOn(server, ['--waiting']);
  figures['FindFreeWorker beside tasks that are submitted and wait'] = await findP99(server);
  const load = await waiting.stop();
  figures['these'] = rate(load);
  await hold(pool, PENDING - 1_000 - SAMPLES - load.tasks);
  figures[`submit at ${PENDING.toLocaleString('en')} pending, p99`] = ms(
    quantile(await times(SAMPLES, submitLater), 0.99),
  );
  figures['resident memory of the server then'] = `${Math.round(residentMb(server))} MB`;
  await pool.close();
  if (store !== 'memory') {
    await server.stop();
    const startedAt = performance.now();
    server = await startServer(sandbox, flags);
    figures['start-up with them'] = `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
    pool = await dial(server);
    await roundTrip(pool, 1);
    await pool.close();
  }
  await server.stop();
  return figures;
}

/** What it has in common with ours. */
async function measureBullMq(): Promise<Record<string, string>> {
  await using sandbox = new Sandbox();
  const bull = await BullMq.start(sandbox.dir);
  try {
    await bull.inBulk(5_000);
    const { submitMs, allMs } = await bull.inBulk(TASKS);
    const one = await times(200, (n) => bull.roundTrip(n));
    return {
      [IN_BULK]: rate({ tasks: TASKS, ms: submitMs }),
      [END_TO_END]: rate({ tasks: TASKS, ms: allMs }),
      [ONE_BY_ONE]: ms(quantile(one, 0.5)),
    };
  } finally {
    await bull.stop();
  }
}

function dial(server: TestServer): Promise<Pool> {
  return connect(server.address, { token: server.token });
}

async function inBulk(pool: Pool, count: number): Promise<{ submitMs: number; allMs: number }> {
  const startedAt = performance.now();
  const tasks = await pool.submitMany(
    noop,
    Array.from({ length: count }, (_, n): [number] => [n]),
  );
  const submitMs = performance.now() - startedAt;
  await Promise.all(tasks.map((task) => task.result()));
  return { submitMs, allMs: performance.now() - startedAt };
}

async function roundTrip(pool: Pool, n: number): Promise<void> {
  await (await pool.submit(noop, [n])).result();
}

/** Of FindFreeWorker, and FreeWorker after it. */
async function findP99({ address, token }: TestServer): Promise<string> {
  using caller = new Caller(address, COORDINATOR, { token });
  const find = async () => caller.freeWorker(await caller.findFreeWorker());
  // Connects; and a server that was started just now has to compile what it does.
  await times(SAMPLES, find);
  return ms(quantile(await times(FINDS, find), 0.99));
}

/** Tasks that wait for an hour. */
async function hold(pool: Pool, count: number): Promise<void> {
  for (let held = 0; held < count; held += 20_000) await submitWaiting(pool, Math.min(20_000, count - held));
}

function submitWaiting(pool: Pool, count: number): Promise<unknown> {
  return pool.submitMany(noop, Array<[number]>(count).fill([1]), { delayMs: HOUR_MS });
}

/** What a process did that only submits. */
interface Load {
  tasks: number;
  ms: number;
}

/** Submits from a process of its own, as fast as it can: what holds up that one is not to count for others. */
async function loadOn(
  { address, token }: TestServer,
  flags: string[],
): Promise<{ stop: () => Promise<Load> }> {
  const child = spawn(process.execPath, [process.argv[1] ?? '', '--load', address, ...flags], {
    env: { ...process.env, OFFHAND_TOKEN: token },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return {
    stop: async () => {
      const said = once(child.stdout, 'data');
      child.stdin.end();
      const [text] = (await said) as [Buffer];
      await ended;
      return JSON.parse(text.toString()) as Load;
    },
  };
}

/** Until stdin ends; prints a word once it is under way, and at the end what it did. */
async function submitTo(address: string): Promise<void> {
  const pool = await connect(address);
  const submit = values.waiting ? submitWaiting : inBulk;
  await submit(pool, 1_000);
  process.stdout.write('under way');
  let [isOver, tasks] = [false, 1_000];
  process.stdin.on('end', () => (isOver = true)).resume();
  const startedAt = performance.now();
  const loop = async () => {
    for (; !isOver; tasks += 1_000) await submit(pool, 1_000);
  };
  await Promise.all([loop(), loop()]);
  process.stdout.write(JSON.stringify({ tasks, ms: performance.now() - startedAt }));
  await pool.close();
}

async function times(count: number, action: (n: number) => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < count; n++) {
    const startedAt = performance.now();
    await action(n);
    all.push(performance.now() - startedAt);
  }
  return all;
}

function quantile(samples: number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function rate({ tasks, ms }: Load): string {
  return `${Math.round((tasks / ms) * 1_000).toLocaleString('en')}/s`;
}

function ms(duration: number): string {
  return `${duration.toFixed(2)} ms`;
}

function residentMb(server: TestServer): number {
  const pages = Number(readFileSync(`/proc/${server.pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * 4_096) / 1_048_576;
}
