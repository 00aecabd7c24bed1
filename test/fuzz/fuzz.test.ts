import { expect, test } from '@jest/globals';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

test('the pool answers whatever it is sent, stays up and keeps nothing of it', async () => {
  await using sandbox = new Sandbox();
  const command = `cd ${ROOT} && exec node scripts/run-ts.mjs fuzz/fuzz.ts --seed 7 --inputs 2000`;
  const { code, stdout, stderr } = await run(sandbox, 'sh', ['-c', command]);
  expect(`${stdout}${stderr}`).toMatch(/\nfuzz: passed, seed 7\n$/);
  expect(code).toBe(0);
}, 120_000);
