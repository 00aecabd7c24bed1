/**
 * Counts the primes below 20 million on the pool that runs on this machine. Start it in two shells at once and both
 * share the workers, which the profile shows:
 *
 *     npm run server 2                     # in a first shell; Ctrl-C when the clients are done
 *     npm run example examples/client.ts   # in a second and a third
 *     npm run offhand grapher profiling/results_2.csv
 *
 * Examples are TypeScript, which Node 20 does not read: `npm run example FILE` compiles the file with esbuild and runs it.
 */
import assert from 'node:assert/strict';
import { connect } from 'offhand';
import { countPrimes } from './primes.js';

const BELOW = Number(process.argv[2] ?? 20_000_000);
const CHUNKS = 100;
const KNOWN = new Map([
  [1_000_000, 78_498],
  [20_000_000, 1_270_607],
]);

await using pool = await connect();
const startedAt = performance.now();
const size = Math.ceil(BELOW / CHUNKS);
let done = 0;

// All chunks are asked for at once; each waits for a free worker.
const counts = await Promise.all(
  Array.from({ length: CHUNKS }, async (_, chunk) => {
    const from = chunk * size;
    const count = await pool.run(countPrimes, Math.min(from + size, BELOW), from);
    done += 1;
    showProgress();
    return count;
  }),
);

const total = counts.reduce((sum, count) => sum + count, 0);
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
console.log(`${total.toLocaleString('en')} primes below ${BELOW.toLocaleString('en')}, in ${seconds} s`);
assert.equal(total, KNOWN.get(BELOW) ?? total);

/** On a terminal one line that changes, elsewhere a line per quarter. */
function showProgress(): void {
  if (process.stdout.isTTY) process.stdout.write(`\r${done} %${done === CHUNKS ? '\n' : ''}`);
  else if (done % (CHUNKS / 4) === 0) console.log(`${done} %`);
}
