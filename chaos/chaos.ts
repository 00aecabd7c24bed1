// npm run chaos: tasks from several clients on a pool that is killed, frozen, cut and restarted all the while; then a
// checker reads what everybody has written down. Ends with one line, and exit code 1 when a promise was broken.
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { buildParts } from './build-parts.js';
import type { History } from './history.js';
import { readOptions } from './options.js';
import { tablesOf, wordsFor } from './report.js';
import { run } from './run.js';
import { buildWithout } from './sabotage.js';

const options = await readOptions(process.argv.slice(2));
const folder = `build/chaos.${process.pid}`;
const histories: History[] = [];
const failed: number[] = [];
try {
  const parts = await buildParts(folder);
  const main = options.break
    ? await buildWithout(options.break, `${folder}/broken`)
    : resolve('dist/cli/main.js');
  for (const seed of options.seeds) {
    const outcome = await run({ ...options, seed, main, parts }).catch(toError);
    if (outcome instanceof Error) {
      failed.push(seed);
      console.log(`seed ${seed}: broke off: ${inspect(outcome)}`);
      continue;
    }
    const { history, violations, kept } = outcome;
    histories.push(history);
    const calls = `${history.calls.length} calls, ${history.rounds.flatMap(({ faults }) => faults).length} faults`;
    console.log(`seed ${seed}: ${calls}, ${violations.length} violations`);
    if (violations.length === 0) continue;
    failed.push(seed);
    console.log(`${wordsFor(violations)}\n  kept in ${kept}`);
    // Faults come by chance, and on a slow machine few: that it is noticed once is what is to be seen.
    if (options.break) break;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(tablesOf(histories));
if (failed.length > 0) {
  const again = failed
    .map((seed) => `npm run chaos -- --seed ${seed} --seconds ${options.seconds}`)
    .join('; ');
  console.log(`chaos: FAILED with seed ${failed.join(', ')}; again: ${again}`);
} else console.log(`chaos: passed, seed ${options.seeds.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
