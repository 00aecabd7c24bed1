// npm run example examples/capture.ts: what goes along with a function, and what is said where something is missing.
import assert from 'node:assert/strict';
import { PoolError, startPool } from 'offhand';

const rates = new Map([
  ['EUR', 1],
  ['USD', 0.5],
]);
const inEuro = (amount: number, currency: string) => amount * (rates.get(currency) ?? Number.NaN);
const total = (prices: [number, string][]) => prices.reduce((sum, price) => sum + inEuro(...price), 0);

await using pool = await startPool({ workers: 2 });

const missing = await pool.run(total, [[1, 'EUR']]).catch((error: unknown) => error);
assert(missing instanceof PoolError && missing.code === 'not-shippable');
console.log(missing.message);

const priced = pool.with({ capture: { inEuro, rates } });
const sums: number[] = [];
for await (const sum of priced.map(total, [[[10, 'EUR'], [4, 'USD']], [[2, 'USD']]])) sums.push(sum); // prettier-ignore
assert.deepEqual(sums, [12, 1]);
console.log(sums.join(' '));
