import { writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { Command, MAIN } from '../support/cli.js';
import type { Lease } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

describe('offhand server --policy', () => {
  test.each([
    ['first-free', ['worker-1', 'worker-1', 'worker-2', 'worker-2']],
    ['round-robin', ['worker-1', 'worker-2', 'worker-1', 'worker-2']],
    ['least-remaining', ['worker-1', 'worker-2', 'worker-2', 'worker-1']],
  ])('%s chooses workers for tasks of 9, 2, 2 and 2 s as it says', async (policy, workers) => {
    await using sandbox = new Sandbox();
    const server = await startServer(sandbox, ['2', '--slots', '2', '--no-profile', '--policy', policy]);
    using caller = server.caller();
    const placed: string[] = [];
    for (const expected_ms of [9_000, 2_000, 2_000, 2_000]) {
      const lease = await caller.unary<Lease>('FindFreeWorker', { expected_ms, function: 'f' });
      placed.push(lease.worker);
    }
    expect(placed).toEqual(workers);
    await server.stop();
  });

  test('anything else is refused in words', async () => {
    await using sandbox = new Sandbox();
    const command = new Command(process.execPath, [MAIN, 'server', '1', '--policy', 'best'], sandbox);
    const { code } = await command.ended;
    expect(code).toBe(1);
    expect(command.stderr).toMatch(/policy.*"best".*first-free.*least-remaining.*round-robin/s);
  });
});

test('status counts down what a task was declared to take, and what it has been seen to take', async () => {
  await using sandbox = new Sandbox();
  const gate = sandbox.path('gate');
  const server = await startServer(sandbox, ['1', '--no-profile']);
  const pool = await connect(server.address, { token: server.token });
  const waitForFile = (path: string) => {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (!process.getBuiltinModule('node:fs').existsSync(path)) Atomics.wait(pause, 0, 0, 5);
  };
  const remaining = async () => (await server.status()).workers[0]?.tasks[0]?.remaining_ms;
  const declared = pool.with({ expectedMs: 60_000 }).run(waitForFile, gate);
  await waitFor('the task to count down', async () => (await remaining()) !== undefined);
  expect(await remaining()).toBeGreaterThan(40_000);
  expect(await remaining()).toBeLessThan(60_000);
  writeFileSync(gate, '');
  await declared;
  await pool.close();
  await server.stop();
});
