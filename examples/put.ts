/**
 * A large value for many calls: sent once to each worker. docs/functions.md has all of it.
 *
 *     npm run example examples/put.ts        # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { startPool } from 'offhand';

await using pool = await startPool({ workers: 2 });

const table = Float64Array.from({ length: 1_000_000 }, (_, n) => n);

/** How many numbers of a table lie in a range. */
const count = (numbers: Float64Array, from: number, to: number) => {
  let found = 0;
  for (const number of numbers) if (number >= from && number < to) found += 1;
  return found;
};

const reference = await pool.put(table); // 8 MB
const counts = await Promise.all(
  Array.from({ length: 20 }, (_, part) => pool.run(count, reference, part * 1_000, part * 1_500)),
);
assert.deepEqual(
  counts,
  Array.from({ length: 20 }, (_, part) => part * 500),
);
console.log(`20 calls, one table of ${reference.bytes / 1e6} MB: ${counts.join(' ')}`);

reference.release();
await assert.rejects(pool.run(count, reference, 0, 1), { code: 'invalid-argument' });
