// npm run example examples/module.ts: a module of one's own, with what it imports, on a pool.
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { startPool } from 'offhand';
import type * as Words from './text/words.js';

// In your own file: new URL('./text/words.ts', import.meta.url). This one is bundled before it runs, elsewhere.
const file = pathToFileURL('examples/text/words.ts');

await using pool = await startPool({ workers: 2 });
const words = await pool.module<typeof Words>(file);

console.log(await pool.run(words.longest, 'to run a function on another machine'));
const counts: number[] = [];
for await (const count of pool.map(words.count, ['one two', 'three', ''])) counts.push(count);
assert.deepEqual(counts, [2, 1, 0]);
console.log(counts.join(' '));
