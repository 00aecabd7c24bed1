// One run of one contender, in a process of its own: from its cold start to its large values.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { spin } from '../work.js';
import { type Contender, MEBIBYTE } from './contender.js';
import { type ContenderName, CONTENDERS } from './contenders.js';
import { median, quantile } from './statistics.js';

/** W1 to W6, each in the unit of its name. */
export interface Measured {
  coldMs: number;
  workerMb: number;
  clientMb: number;
  singleP50Us: number;
  singleP99Us: number;
  runPerS: number;
  mapPerS: number;
  efficiency: number;
  inMs: number;
  outMs: number;
}

const SINGLES = 2_000;
const BULK = 10_000;
const BULK_ROUNDS = 7;
/** A pool that is slow at it does not get to do all rounds, in ms. */
const BULK_LIMIT_MS = 8_000;
const SPINS = 200;
const TRANSFERS = 200;
/** What comes before those: the first hundred are slower everywhere, as code is compiled while they run. */
const WARM_UP = 100;

process.once('message', ([name, rounds]: [ContenderName, number]) => {
  void measure(CONTENDERS[name](), rounds).then((measured) => process.send?.(measured, () => process.exit()));
});

async function measure(pool: Contender, rounds: number): Promise<Measured> {
  const startedAt = performance.now();
  await pool.start();
  await pool.noOp();
  const coldMs = performance.now() - startedAt;

  await sleep(1_000); // What an idle worker takes shows when its start is over.
  const pids = await pool.workerPids();
  const workerMb = pids.length > 0 ? median(pids.map(residentMb)) : Number.NaN;
  const clientMb = residentMb(process.pid);

  await latencies(pool);
  const singles = await latencies(pool);
  const runPerS = await bulk((count) => pool.noOps(count));
  const map = pool.map?.bind(pool);
  const mapPerS = map ? await bulk(map) : Number.NaN;
  const efficiency = await spinEfficiency(pool, rounds);
  const array = new Float64Array(MEBIBYTE);
  const inMs = await transferMs(() => pool.take(array));
  const outMs = await transferMs(() => pool.give(MEBIBYTE));
  await pool.stop();
  return {
    coldMs,
    workerMb,
    clientMb,
    singleP50Us: quantile(singles, 0.5),
    singleP99Us: quantile(singles, 0.99),
    runPerS,
    mapPerS,
    efficiency,
    inMs,
    outMs,
  };
}

/** Of one call at a time, in µs. */
async function latencies(pool: Contender): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    const startedAt = performance.now();
    await pool.noOp();
    found.push((performance.now() - startedAt) * 1_000);
  }
  return found;
}

/** Calls per second, when warm. */
async function bulk(calls: (count: number) => Promise<unknown>): Promise<number> {
  const found: number[] = [];
  const endsAt = performance.now() + BULK_LIMIT_MS;
  for (let i = 0; i < BULK_ROUNDS && (i < 2 || performance.now() < endsAt); i++) {
    const startedAt = performance.now();
    await calls(BULK);
    found.push(BULK / ((performance.now() - startedAt) / 1_000));
  }
  // The first ones are for warming up.
  return median(found.slice(Math.min(2, found.length - 1)));
}

/** How near two workers come to half the time of one. */
async function spinEfficiency(pool: Contender, rounds: number): Promise<number> {
  const alone: number[] = [];
  for (let i = 0; i < 20; i++) {
    const startedAt = performance.now();
    spin(rounds);
    alone.push(performance.now() - startedAt);
  }
  await Promise.all(Array.from({ length: 20 }, () => pool.spin(rounds)));
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: SPINS }, () => pool.spin(rounds)));
  return (SPINS * median(alone)) / 2 / (performance.now() - startedAt);
}

async function transferMs(transfer: () => Promise<unknown>): Promise<number> {
  const found: number[] = [];
  for (let i = 0; i < WARM_UP + TRANSFERS; i++) {
    const startedAt = performance.now();
    await transfer();
    found.push(performance.now() - startedAt);
  }
  return median(found.slice(WARM_UP));
}

function residentMb(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1_000;
}
