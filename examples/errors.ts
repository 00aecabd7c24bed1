/**
 * What goes wrong, and how it arrives: an error of the function as it was thrown, everything else as a PoolError with a
 * code. docs/errors.md has every code.
 *
 *     npm run example examples/errors.ts               # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { PoolError, startPool } from 'offhand';

await using pool = await startPool({ workers: 1 });

function withdraw(balance: number, amount: number): number {
  if (amount > balance)
    throw Object.assign(new RangeError('not enough money'), { missing: amount - balance });
  return balance - amount;
}
function forever(): never {
  for (;;);
}

// The function's own error: the same name, message and fields.
const thrown: unknown = await pool.run(withdraw, 10, 25).catch((error: unknown) => error);
assert.ok(thrown instanceof RangeError && 'missing' in thrown);
assert.equal(thrown.missing, 15);
console.log(`thrown: ${thrown.name}: ${thrown.message}, missing ${thrown.missing}`);

// Its stack leads to this file: to the line that threw, and on to the one that called.
assert.match(String(thrown.stack), /at withdraw \(.*examples\/errors\.ts:\d+:\d+\)/);

// A limit: the code is stopped, and the worker is free again. Time spent waiting does not count.
console.log(`endless: ${await codeOf(pool.with({ timeoutMs: 200 }).run(forever))}`);

// A signal cancels what runs and what waits.
const stop = new AbortController();
const running = pool.with({ signal: stop.signal }).run(forever);
stop.abort();
console.log(`aborted: ${await codeOf(running)}`);

// What cannot travel is refused before it is sent.
console.log(`native: ${await codeOf(pool.run(Math.max, 1, 2))}`);
console.log(`socket: ${await codeOf(pool.run((value: unknown) => value, { send: () => undefined }))}`);

// One failure among many: it is yielded in its place, and the rest goes on.
const amounts = [5, 50, 7];
const rest: string[] = [];
for await (const left of pool.map(
  (amount: number) => {
    if (amount > 10) throw new Error('too much');
    return 10 - amount;
  },
  amounts,
  { errors: 'collect' },
)) {
  rest.push(left instanceof Error ? left.message : String(left));
}
assert.deepEqual(rest, ['5', 'too much', '3']);
console.log(`collected: ${rest.join(', ')}`);

assert.equal(await pool.run(withdraw, 10, 4), 6, 'after all that the worker still works');

/** The code of the PoolError that a call ends with. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.catch((reason: unknown) => reason);
  assert.ok(error instanceof PoolError, 'expected a PoolError');
  return `${error.code}, ${error.mayHaveRun ? 'it may have run' : 'it has not run'}`;
}
