/**
 * Workers that make room for new ones after a number of tasks, and calls that do not notice. docs/warm-workers.md says how.
 *
 *     npm run example examples/recycling.ts        # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { startPool } from 'offhand';

await using pool = await startPool({ workers: 2, maxTasksPerWorker: 50 });

/** Code that keeps a little of each call, and would fill the memory one day. */
function leak(n: number): { pid: number; kept: number } {
  const state = globalThis as { kept?: number[] };
  (state.kept ??= []).push(n);
  return { pid: process.pid, kept: state.kept.length };
}

const processes = new Set<number>();
let calls = 0;
let most = 0;
while (processes.size < 6) {
  const { pid, kept } = await pool.with({ retries: 0 }).run(leak, calls++);
  processes.add(pid);
  most = Math.max(most, kept);
}
assert.ok(most >= 50 && most < calls);
console.log('every call had its result, and six processes took part, two at a time');
