// A process that does the benchmark's CPU work for a while, with no pool anywhere: what the machine itself can give.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { spin } from './work.js';

type Order = { rounds: number; seconds: number };

/** Calls per second of `processes` plain processes at once. */
export async function plainThroughput(processes: number, order: Order): Promise<number> {
  const children = Array.from({ length: processes }, () => fork('build/bench/plain.mjs', ['run']));
  const counts = await Promise.all(children.map((child) => count(child, order)));
  return counts.reduce((sum, perS) => sum + perS, 0);
}

async function count(child: ChildProcess, order: Order): Promise<number> {
  child.send(order);
  const [perS] = (await once(child, 'message')) as [number];
  return perS;
}

if (process.argv[2] === 'run') {
  process.once('message', ({ rounds, seconds }: Order) => {
    spin(rounds);
    let calls = 0;
    const startedAt = performance.now();
    while (performance.now() < startedAt + seconds * 1_000) {
      spin(rounds);
      calls += 1;
    }
    process.send?.(calls / ((performance.now() - startedAt) / 1_000));
  });
}
