// npm run bench:functions: what it costs to send a function, a module, and very many functions.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPool } from 'offhand';
import { Captures } from '../src/client/shipping/captures.js';

const CALLS = 500;
const ANALYSES = 1_000_000;
const DISTINCT = 100_000;
const MODULE_BYTES = 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'offhand-bench-'));
const pool = await startPool({ workers: 1 });
try {
  await pool.run(() => 'warm');
  await measureAnalysis();
  await measureCalls();
  await measureModule();
  await measureDistinct();
} finally {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
}

async function measureAnalysis(): Promise<void> {
  const texts = Array.from({ length: CALLS }, (_, n) => functionOf(n));
  const first = await timed(() => texts.forEach((fn) => Captures.none.ship(fn)));
  console.log(`analysis of a function that is new: ${inMicroseconds(first / CALLS)}`);
  const fn = functionOf(-1);
  Captures.none.ship(fn);
  const later = await timed(() => {
    for (let n = 0; n < ANALYSES; n++) Captures.none.ship(fn);
  });
  console.log(`analysis of a function that is known: ${inMicroseconds(later / ANALYSES)}`);
}

async function measureCalls(): Promise<void> {
  const fresh = Array.from({ length: CALLS }, (_, n) => functionOf(CALLS + n));
  const first = await medianMs(fresh.length, (n) => pool.run(fresh[n] as () => number));
  const known = functionOf(-2);
  await pool.run(known);
  const later = await medianMs(CALLS, () => pool.run(known));
  console.log(
    `first call of a new function: ${inMicroseconds(first)}, later calls ${inMicroseconds(later)} (medians)`,
  );
}

async function measureModule(): Promise<void> {
  const path = join(folder, 'large.mjs');
  const lines: string[] = [];
  for (let bytes = 0; bytes < MODULE_BYTES;) {
    const line = `export function f${lines.length}(n) { return n * ${lines.length} + ${'1 + '.repeat(40)}0; }`;
    lines.push(line);
    bytes += line.length + 1;
  }
  writeFileSync(path, lines.join('\n'));
  type Large = { f1: (n: number) => number };
  const bundling = performance.now();
  const large = await pool.module<Large>(path);
  const bundled = performance.now();
  await pool.run(large.f1, 1);
  const called = performance.now();
  const again = await timed(async () => void (await pool.module<Large>(path)));
  const later = await medianMs(CALLS, () => pool.run(large.f1, 1));
  console.log(
    `a module of 1 MB: bundled in ${inMilliseconds(bundled - bundling)}, unchanged ${inMilliseconds(again)}; ` +
      `first call ${inMilliseconds(called - bundled)}, later calls ${inMicroseconds(later)}`,
  );
}

async function measureDistinct(): Promise<void> {
  const rss = () => pool.run(() => process.memoryUsage.rss());
  let half = 0;
  const startedAt = performance.now();
  for (let n = 0; n < DISTINCT; n += 1_000) {
    if (n === DISTINCT / 2) half = await rss();
    await Promise.all(Array.from({ length: 1_000 }, (_, k) => pool.run(functionOf(1e6 + n + k))));
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const grown = ((await rss()) - half) / 1024 / 1024;
  console.log(
    `${DISTINCT.toLocaleString('en')} distinct functions in ${seconds.toFixed(0)} s: the last half adds ${grown.toFixed(1)} MiB to the worker`,
  );
}

function functionOf(n: number): () => number {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- functions of different text
  return new Function(
    `const list = [1, 2, ${n}]; return list.map((k) => k + Math.max(${n}, 1)).length;`,
  ) as () => number;
}

async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function medianMs(times: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const each: number[] = [];
  for (let n = 0; n < times; n++) each.push(await timed(() => work(n)));
  return each.sort((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN;
}

function inMicroseconds(ms: number): string {
  return `${(ms * 1_000).toFixed(ms < 0.01 ? 2 : 0)} µs`;
}

function inMilliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}
