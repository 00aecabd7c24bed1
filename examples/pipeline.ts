/**
 * Three steps that depend on one another, left with the pool: the results go from step to step without coming back here.
 *
 *     npm run example examples/pipeline.ts           # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { type PoolError, startPool } from 'offhand';

const split = (text: string) => text.toLowerCase().match(/[a-z]+/g) ?? [];

const count = (words: string[]) => {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
};

const summary = (counts: Map<string, number>, most: number) =>
  [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([word, times]) => `${word} ${times}`)
    .join(', ');

const TEXT = 'The queue keeps the task, the worker runs the task, and the result waits.';

await using pool = await startPool({ workers: 2 });

// Submitted at once; a handle among the arguments stands for the result of its task.
const words = await pool.submit(split, [TEXT]);
const counts = await pool.submit(count, [words]);
const line = await pool.submit(summary, [counts, 2]);
console.log(await line.result());
assert.equal(await line.result(), 'the 5, task 2');
assert.equal((await counts.result()).get('worker'), 1);

// A step that fails takes those after it along.
const broken = await pool.submit((): string => {
  throw new RangeError('no text today');
}, []);
const unrun = await pool.submit(split, [broken]);
await assert.rejects(unrun.result(), { name: 'RangeError', message: 'no text today' });
assert.equal((await unrun.details()).attempt, 0);

// Other processes find it by its id.
const elsewhere = pool.task<string>(line.id);
assert.equal(await elsewhere.result(), 'the 5, task 2');
await assert.rejects(
  pool.task('0'.repeat(24)).result(),
  (error) => (error as PoolError).code === 'not-found',
);
