/**
 * What a task tells while it runs, and how it ends when it is cancelled. docs/inside-a-task.md has all of it.
 *
 *     npm run example examples/inside-a-task.ts        # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { PoolError, startPool } from 'offhand';

await using pool = await startPool({ workers: 1 });

/** Needs no import: a function that travels alone finds its task as `__offhand`. */
function sumTo(n: number): number {
  let sum = 0;
  for (let i = 1; i <= n; i++) {
    sum += i;
    if (i % (n / 4) === 0) __offhand.progress(i / n, `at ${i}`);
  }
  console.log('done');
  return sum;
}

// Progress arrives while the loop runs, though it never yields; what is printed comes to whoever asks.
const heard: string[] = [];
const followed = pool.with({
  onProgress: (fraction, note) => heard.push(`${fraction * 100} %, ${note}`),
  logs: ({ text, stream }) => heard.push(`${stream}: ${text}`),
});
assert.equal(await followed.run(sumTo, 4_000_000), 8_000_002_000_000);
assert.equal(heard.at(-2), '100 %, at 4000000');
assert.equal(heard.at(-1), 'stdout: done');
console.log(heard.join('\n'));

// Loaded once in each thread, and kept there.
const rate = (currency: string) =>
  __offhand.once(`rate of ${currency}`, () => ({ currency, loadedAt: Date.now() }));
assert.deepEqual(await pool.run(rate, 'EUR'), await pool.run(rate, 'EUR'));

// Code that asks for its signal can put things in order before it goes.
const stop = new AbortController();
const patient = pool.with({
  signal: stop.signal,
  cancelGraceMs: 2_000,
  onProgress: () => stop.abort(),
});
const error: unknown = await patient
  .run(async () => {
    const { signal } = __offhand;
    __offhand.progress(0, 'waiting');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  })
  .catch((reason: unknown) => reason);
assert.ok(error instanceof PoolError);
console.log(`then: ${error.code}`);
