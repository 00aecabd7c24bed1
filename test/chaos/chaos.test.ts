import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CHANGES, MISSING_RULES } from '../../chaos/missing-rules.js';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

/** The sources it compiles are found from the folder of the project. */
function chaos(sandbox: Sandbox, args: string) {
  const command = `cd ${ROOT} && exec node scripts/run-ts.mjs chaos/chaos.ts ${args}`;
  return run(sandbox, 'sh', ['-c', command]);
}

test('the pool keeps its promises while it is killed, frozen, cut and restarted', async () => {
  await using sandbox = new Sandbox();
  const { code, stdout, stderr } = await chaos(sandbox, '--seed 7 --seconds 8');
  expect(`${stdout}${stderr}`).toMatch(/\nchaos: passed, seed 7\n$/);
  expect(code).toBe(0);
}, 120_000);

test('a pool that lacks a rule comes up, and is judged', async () => {
  await using sandbox = new Sandbox();
  const { stdout, stderr } = await chaos(sandbox, '--seed 11 --seconds 4 --break fencing');
  expect(`${stdout}${stderr}`).toMatch(/^seed 11: \d+ calls, \d+ faults, \d+ violations$/m);
  // What it keeps where the checker has found something.
  await rm(join(ROOT, 'build', 'chaos-seed-11'), { recursive: true, force: true });
}, 180_000);

test.each(MISSING_RULES)('the sources still have what is left out for a pool without %s', (rule) => {
  for (const { file, text } of CHANGES[rule]) expect(readFileSync(file, 'utf8').split(text)).toHaveLength(2);
});
