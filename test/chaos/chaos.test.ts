import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { CHANGES, MISSING_RULES, type MissingRule } from '../../chaos/missing-rules.js';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

/** The sources it compiles are found from the folder of the project. */
function chaos(sandbox: Sandbox, args: string) {
  const command = `cd ${ROOT} && exec node scripts/run-ts.mjs chaos/chaos.ts ${args}`;
  return run(sandbox, 'sh', ['-c', command]);
}

test('the pool keeps its promises while it is killed, frozen, cut and restarted', async () => {
  await using sandbox = new Sandbox();
  const { code, stdout, stderr } = await chaos(sandbox, '--seed 7 --seconds 20');
  expect(`${stdout}${stderr}`).toMatch(/\nchaos: passed, seed 7\n$/);
  expect(code).toBe(0);
}, 120_000);

/** What a pool does that lacks the rule, in the words of the checker. */
const BROKEN: Record<MissingRule, string> = {
  fencing: 'no call begins more often than its policy allows',
  revocation: 'shares recover after each fault',
  'restart-grace': 'slots whose leases live are left alone after a restart',
};

test.each(MISSING_RULES)(
  'a pool without %s is found out',
  async (rule) => {
    await using sandbox = new Sandbox();
    const { code, stdout, stderr } = await chaos(sandbox, `--seed 11 --seeds 5 --seconds 8 --break ${rule}`);
    expect(`${stdout}${stderr}`).toMatch(new RegExp(`^VIOLATED: ${BROKEN[rule]} \\(`, 'm'));
    expect(code).toBe(1);
    // Where the histories of failed runs are kept.
    const kept = /\n {2}kept in (\S+)\n/.exec(stdout)?.[1];
    if (kept) await rm(kept, { recursive: true, force: true });
  },
  240_000,
);

test.each(MISSING_RULES)('the sources still have what is left out for a pool without %s', (rule) => {
  for (const { file, text } of CHANGES[rule]) expect(readFileSync(file, 'utf8').split(text)).toHaveLength(2);
});
