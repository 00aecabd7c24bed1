import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

test('the demonstration does the same work on a pool and on one thread, and names the plots that it drew', async () => {
  await using sandbox = new Sandbox();
  const out = sandbox.path('demo');
  const command = `cd ${ROOT} && exec node scripts/run-ts.mjs demo/demo.ts --megabytes 2 --out ${out}`;
  const { code, stdout, stderr } = await run(sandbox, 'sh', ['-c', command]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/error/i) });
  expect(stdout).toMatch(/\n +primes +148933 below 2,000,000\n +Fibonacci of 35 +9227465\n/);
  expect(stdout).toMatch(
    /the pool [\d.]+ s: [\d.]+ times as fast on \d+ cores\.\nBoth gave the same results\./,
  );
  const named = stdout.split('\n').filter((line) => line.startsWith(out));
  expect(named.map((file) => file.slice(out.length + 1)).sort()).toEqual([
    'plots/demo/busy.pdf',
    'plots/demo/busy.png',
    'plots/demo/throughput.pdf',
    'plots/demo/throughput.png',
    'profiling/demo.csv',
  ]);
  expect(named.filter((file) => !existsSync(file))).toEqual([]);
  expect(readFileSync(`${out}/profiling/demo.csv`, 'utf8').split('\n').length).toBeGreaterThan(10);
}, 120_000);
