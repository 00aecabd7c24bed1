// One of several clients that share a pool, each with many calls under way.
import { connect } from 'offhand';
import { noOp } from '../work.js';
import { atOnce } from './contender.js';
import { NaivePool } from './naive.js';

const AT_ONCE = 1_000;

process.once('message', ([kind, address, seconds]: ['offhand' | 'naive', string, number]) => {
  void (async () => {
    const noOps = kind === 'offhand' ? await offhandNoOps(address) : naiveNoOps(address);
    await noOps(AT_ONCE);
    process.send?.('ready');
    await new Promise((resolve) => process.once('message', resolve));
    let calls = 0;
    const startedAt = performance.now();
    while (performance.now() < startedAt + seconds * 1_000) {
      await noOps(AT_ONCE);
      calls += AT_ONCE;
    }
    process.send?.(calls / ((performance.now() - startedAt) / 1_000), () => process.exit());
  })();
});

async function offhandNoOps(address: string) {
  const pool = await connect(address);
  return (count: number) => atOnce(count, () => pool.run(noOp));
}

function naiveNoOps(address: string) {
  const pool = new NaivePool();
  pool.connect(address);
  return (count: number) => pool.noOps(count);
}
