// One client of the benchmark: a process of its own that calls one function after another, one at a time.
import { connect } from 'offhand';
import { noOp, spin } from './work.js';

/** What the benchmark tells a client to do, and what it hears back. */
export type ClientOrder = { kind: 'noop' | 'cpu'; rounds: number; seconds: number };
export type ClientReport =
  { type: 'ready' } | { type: 'done'; completed: number; failed: number; seconds: number };

/**
 * What is called before it counts. What is measured is compiled code, not its compilation; and it is the path of a call,
 * not its function, that takes so many calls to be compiled.
 */
const WARM_UP_MS = 1_000;
const WARM_UP_CALLS = 10;

const tell = (report: ClientReport) => new Promise((resolve) => process.send?.(report, resolve));

process.once('message', (order: ClientOrder) => {
  void (async () => {
    const pool = await connect();
    const call = () => (order.kind === 'noop' ? pool.run(noOp) : pool.run(spin, order.rounds));
    // The path of a call, not its function, is what takes so many calls to be compiled.
    for (const until = performance.now() + WARM_UP_MS; performance.now() < until;) await pool.run(noOp);
    for (let i = 0; i < WARM_UP_CALLS; i++) await call();
    await tell({ type: 'ready' });
    await new Promise((resolve) => process.once('message', resolve));

    let completed = 0;
    let failed = 0;
    const startedAt = performance.now();
    const endsAt = startedAt + order.seconds * 1_000;
    while (performance.now() < endsAt) {
      await call().then(
        () => completed++,
        () => failed++,
      );
    }
    await tell({ type: 'done', completed, failed, seconds: (performance.now() - startedAt) / 1_000 });
    await pool.close();
  })();
});
