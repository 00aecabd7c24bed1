/**
 * A generator on a worker, read value by value. docs/streams.md has all of it.
 *
 *     npm run example examples/stream.ts        # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { startPool } from 'offhand';

await using pool = await startPool({ workers: 1 });

/** All primes, as long as somebody wants them. */
function* primes() {
  try {
    for (let n = 2; ; n++) {
      let divisor = 2;
      while (divisor * divisor <= n && n % divisor !== 0) divisor += 1;
      if (divisor * divisor > n) yield n;
    }
  } finally {
    console.log('no more primes');
  }
}

const printed: string[] = [];
const found: number[] = [];
for await (const prime of pool.with({ logs: ({ text }) => printed.push(text) }).stream(primes)) {
  found.push(prime);
  if (found.length === 10) break; // Ends the generator on the worker: its finally block has run when the loop is left.
}
assert.deepEqual(found, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
assert.deepEqual(printed, ['no more primes']);
console.log(`${found.join(', ')}; then: ${printed.join()}`);
