/**
 * A call that fails on a worker, followed to its cause: by its stack, by what it prints, and in this process. docs/debugging.md
 * tells the story.
 *
 *     npm run example examples/debugging.ts            # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { relative } from 'node:path';
import { startPool } from 'offhand';

class Order {
  readonly lines: number[];
  constructor(lines: number[]) {
    this.lines = lines;
  }
  total(): number {
    return this.lines.reduce((sum, line) => sum + line, 0);
  }
}

function charge(order: Order): number {
  console.log('to charge:', order);
  return order.total() * 1.2;
}

await using pool = await startPool({ workers: 1 });
const thirty = new Order([10, 20]);
assert.equal(thirty.total() * 1.2, 36);

// 1. The error, with the line that threw and the line that called.
const thrown: unknown = await pool
  .with({ logs: 'silent' })
  .run(charge, thirty)
  .catch((error: unknown) => error);
assert.ok(thrown instanceof TypeError);
console.log(inShort(thrown));

// 2. What the function saw there.
const printed: string[] = [];
await pool
  .with({ logs: ({ text }) => printed.push(text) })
  .run(charge, thirty)
  .catch(() => undefined);
console.log(printed.join('\n'));
assert.deepEqual(printed, ['to charge: { lines: [ 10, 20 ] }']);

// 3. The same in this process, where the breakpoints of an editor hold: arguments are copies there too.
await using here = await startPool({ workers: 1, inline: true });
const again: unknown = await here
  .with({ logs: 'silent' })
  .run(charge, thirty)
  .catch((error: unknown) => error);
assert.ok(again instanceof TypeError && again.message === thrown.message);

// The cause: methods do not travel, data does. So does what works on data.
const chargeLines = (lines: number[]) => lines.reduce((sum, line) => sum + line, 0) * 1.2;
assert.equal(await pool.run(chargeLines, thirty.lines), 36);
console.log('charged: 36');

/** The stack, with files as they are called from here. */
function inShort({ stack = '' }: Error): string {
  return stack.replaceAll(
    /\(?(?:file:\/\/)?(\/[^()\s]+):(\d+):\d+\)?/g,
    (_, file: string, line: string) => `${relative(process.cwd(), file)}:${line}`,
  );
}
