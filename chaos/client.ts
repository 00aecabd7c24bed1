// A client process of a chaos run: calls what its seed says until it is told to stop, writes down every call and how it
// ended, awaits the last of them, and lets go of the pool.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Pool, PoolError } from 'offhand';
import { nowMs } from './clock.js';
import type { Outcome } from './history.js';
import { CALLS } from './names.js';
import { Random } from './random.js';
import { BULK_BYTES, STUCK_MS, TASKS } from './tasks.js';
import { GREEDY_ORDER, nextOrder, type Order, STEADY_ORDER } from './workload.js';

/** What a client is told by its environment. */
export interface ClientSettings {
  name: string;
  seed: number;
  address: string;
  /** Calls, or bursts of calls, that are under way at a time. */
  lines: number;
  /** Calls that wait beside them, for whatever slot there is. */
  greed: number;
  isSteady: boolean;
}

/** A line of the history. */
export type Note =
  | { call: string; kind: Order['kind']; retries: number | undefined; isSubmitted: boolean; at: number }
  /** The queue has taken it on, under this id. */
  | { taken: string; task: string }
  | { settled: string; outcome: Outcome; at: number };

const settings = JSON.parse(process.env['CHAOS_CLIENT'] ?? '{}') as ClientSettings;
const file = openSync(join(process.env['CHAOS_HISTORY'] ?? '.', `${CALLS}${settings.name}.jsonl`), 'a');
const bulk = new Uint8Array(BULK_BYTES);
let calls = 0;
let isStopping = false;

process.on('message', () => (isStopping = true));
process.on('disconnect', orphaned);

const pool = await dial();
process.send?.('connected');
await Promise.all([
  ...Array.from({ length: settings.lines }, (_, index) => mixedLine(index)),
  ...Array.from({ length: settings.greed }, () => line(() => GREEDY_ORDER)),
]);
await pool.close();
process.off('disconnect', orphaned);
process.disconnect();
// What keeps a process alive that has let go of its pool is named, in case it does not end.
setTimeout(() => console.error('kept alive by', process.getActiveResourcesInfo()), 5_000).unref();

/** Whoever runs the chaos is gone. */
function orphaned(): void {
  process.exit(2);
}

/** The coordinator may be away at this very moment. */
async function dial(): Promise<Pool> {
  for (;;) {
    try {
      return await connect(settings.address);
    } catch (error) {
      if (!(error instanceof PoolError) || error.code !== 'unavailable' || isStopping) throw error;
      await delay(100);
    }
  }
}

function mixedLine(index: number): Promise<void> {
  const random = new Random(settings.seed * 1_000 + index);
  return line(() => (settings.isSteady ? STEADY_ORDER : nextOrder(random)));
}

async function line(next: () => Order): Promise<void> {
  while (!isStopping) {
    const order = next();
    const wentWell = await Promise.all(Array.from({ length: order.count }, () => call(order)));
    const pauseMs = wentWell.every(Boolean) ? order.pauseMs : 20;
    if (pauseMs > 0) await delay(pauseMs);
  }
}

async function call({ kind, ms, retries, isSubmitted, priority = 0 }: Order): Promise<boolean> {
  const id = `${settings.name}.${++calls}`;
  const patient = pool.with({
    priority,
    ...(retries === undefined ? {} : { retries }),
    ...(kind === 'stuck' ? { timeoutMs: STUCK_MS } : {}),
  });
  const args: [string, number, Uint8Array] = [id, ms, bulk.subarray(0, kind === 'bulk' ? undefined : 0)];
  note({ call: id, kind, retries, isSubmitted, at: nowMs() });
  const ended = isSubmitted ? submit(patient, id, kind, args) : patient.run(TASKS[kind], ...args);
  const outcome = await ended.then((value): Outcome => ({ kind: 'result', value }), outcomeOf);
  note({ settled: id, outcome, at: nowMs() });
  return outcome.kind !== 'refused';
}

async function submit(
  patient: Pool,
  id: string,
  kind: Order['kind'],
  args: [string, number, Uint8Array],
): Promise<number> {
  const fn: (...args: [string, number, Uint8Array]) => number | Promise<number> = TASKS[kind];
  const task = await patient.submit(fn, args);
  note({ taken: id, task: task.id });
  return task.result();
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof PoolError)) return { kind: 'thrown', message: (error as Error).message };
  const { code, mayHaveRun, message } = error;
  return { kind: 'refused', code, mayHaveRun, message };
}

function note(line: Note): void {
  writeSync(file, `${JSON.stringify(line)}\n`);
}
