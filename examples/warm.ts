/**
 * What takes long to get ready is made once in each slot, and kept there. docs/warm-workers.md has all of it.
 *
 *     npm run example examples/warm.ts        # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { PoolError, startPool } from 'offhand';

await using pool = await startPool({ workers: 2 });

interface State {
  rates?: Map<string, number>;
  loads: number;
}

/** Takes long, were it real. */
function loadRates(entries: [string, number][]): void {
  const state = globalThis as unknown as State;
  state.loads = (state.loads ?? 0) + 1;
  state.rates = new Map(entries);
}

/** Finds what `loadRates` has left. */
function price(amount: number, currency: string): { euro: number; loads: number } {
  const { rates, loads } = globalThis as unknown as State;
  return { euro: amount * (rates?.get(currency) ?? Number.NaN), loads };
}

// Before the first call in each thread; also in threads and on workers that come later.
await pool.setup(loadRates, [
  ['USD', 0.5],
  ['CHF', 1],
]);
for (let call = 0; call < 10; call++)
  assert.deepEqual(await pool.run(price, 10, 'USD'), { euro: 5, loads: 1 });

// A thread that was lost is replaced, and the new one has it too.
await assert.rejects(
  pool.run(() => process.exit(1)),
  { code: 'exited' },
);
assert.deepEqual(await pool.run(price, 10, 'CHF'), { euro: 10, loads: 1 });
console.log('10 USD are 5 EUR, by rates that were loaded once in each thread');

// On every worker that is there now, by name.
const memory = await pool.broadcast(() => process.memoryUsage.rss());
assert.deepEqual(
  memory.map(({ worker }) => worker),
  ['worker-1', 'worker-2'],
);
for (const outcome of memory)
  if (outcome.status === 'fulfilled') console.log(`${outcome.worker} uses ${outcome.value >> 20} MiB`);

// One that fails is named by the calls that need it. It belongs to the pool that it was given to, and to no other.
const other = pool.with({});
await other.setup(function openDatabase() {
  throw new Error('no such file: prices.db');
});
const error: unknown = await other.run(price, 1, 'CHF').catch((reason: unknown) => reason);
assert.ok(error instanceof PoolError && error.code === 'setup-failed');
console.log(error.message);
assert.equal((await pool.run(price, 1, 'CHF')).euro, 1);
