import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CHANGES, MISSING_RULES } from '../../chaos/missing-rules.js';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

test('the pool keeps its promises while it is killed, frozen, cut and restarted', async () => {
  await using sandbox = new Sandbox();
  const args = ['--seed', '7', '--seconds', '8'];
  // The sources it compiles are found from the folder of the project.
  const command = `cd ${ROOT} && exec node scripts/run-ts.mjs chaos/chaos.ts ${args.join(' ')}`;
  const { code, stdout, stderr } = await run(sandbox, 'sh', ['-c', command]);
  expect(`${stdout}${stderr}`).toMatch(/\nchaos: passed, seed 7\n$/);
  expect(code).toBe(0);
}, 120_000);

test.each(MISSING_RULES)('the sources still have what is left out for a pool without %s', (rule) => {
  for (const { file, text } of CHANGES[rule]) expect(readFileSync(file, 'utf8').split(text)).toHaveLength(2);
});
