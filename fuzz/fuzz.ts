// npm run fuzz: inputs that are nearly in order, damaged or nonsense, decided by a seed, to every route and method of a pool;
// then it has to be well. Ends with one line, and exit code 1 when it was not.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fuzz } from './run.js';

const MAX_GROWTH_BYTES = 10_000_000;

const { values } = parseArgs({
  options: { seed: { type: 'string' }, inputs: { type: 'string', default: '100000' } },
});
const seed = values.seed === undefined ? randomInt(1, 1_000_000) : wholeNumber('seed', values.seed);
const inputs = wholeNumber('inputs', values.inputs);

const startedAt = performance.now();
const { answers, violations, memory } = await fuzz(seed, inputs);
const growth = memory.after - memory.before;
if (growth > MAX_GROWTH_BYTES) violations.push(`memory grew by ${mb(growth)}`);
for (const [answer, count] of [...answers].sort(([a], [b]) => a.localeCompare(b)))
  console.log(`${answer.padEnd(26)}${String(count).padStart(8)}`);
for (const violation of violations.slice(0, 20)) console.log(`! ${violation}`);
const seconds = Math.round((performance.now() - startedAt) / 1_000);
console.log(
  `${inputs} inputs in ${seconds} s; memory from ${mb(memory.before)} to ${mb(memory.after)}; ${violations.length} violations`,
);
console.log(
  violations.length === 0
    ? `fuzz: passed, seed ${seed}`
    : `fuzz: FAILED; again: npm run fuzz -- --seed ${seed} --inputs ${inputs}`,
);
process.exit(violations.length === 0 ? 0 : 1);

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  console.error(`--${name}: expected a whole number from 1 on, got ${text}`);
  process.exit(1);
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
