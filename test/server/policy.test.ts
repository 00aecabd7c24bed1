import { writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { connect, type TaskHandle } from 'offhand';
import { hold } from '../support/attempts.js';
import { Command, MAIN, offhand } from '../support/cli.js';
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
    expect(command.stderr).toMatch(/--policy: .*first-free.*least-remaining.*round-robin.*got "best"/);
  });
});

test('submitted tasks too go where the least work remains, out of three workers', async () => {
  await using sandbox = new Sandbox();
  const gate = sandbox.path('gate');
  const server = await startServer(sandbox, [
    '3',
    '--slots',
    '2',
    '--no-profile',
    '--policy',
    'least-remaining',
  ]);
  await using pool = await connect(server.address, { token: server.token });
  const placed: (string | undefined)[] = [];
  const tasks: TaskHandle[] = [];
  for (const expectedMs of [9_000, 2_000, 4_000, 3_000, 6_000, 1_000]) {
    const task = await pool.submit(hold, [sandbox.path('file'), gate], { expectedMs });
    await waitFor('it to run', async () => (await task.state()) === 'running');
    placed.push((await task.explain()).worker);
    tasks.push(task);
  }
  // Each goes to the worker that would be done first: 9 | 2 | 4, then 2 + 3, 4 + 6, and what is left.
  expect(placed).toEqual(['worker-1', 'worker-2', 'worker-3', 'worker-2', 'worker-3', 'worker-1']);
  writeFileSync(gate, '');
  await Promise.all(tasks.map((task) => task.result()));
}, 60_000);

test('offhand policy chooses otherwise while the pool runs, what waits included', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['2', '--slots', '2', '--no-profile']);
  using caller = server.caller();
  const policy = async (...args: string[]) =>
    (await offhand(sandbox, ['policy', ...args, '--address', server.address])).stdout.trim();
  expect(await policy()).toBe('first-free');
  const take = (expected_ms: number) => caller.unary<Lease>('FindFreeWorker', { expected_ms, function: 'f' });
  expect((await take(9_000)).worker).toBe('worker-1');
  expect(await policy('least-remaining')).toBe('least-remaining from now on');
  expect((await server.status()).policy).toBe('least-remaining');
  // It knows of what was granted before.
  const others = [await take(2_000), await take(3_000)];
  expect(others.map(({ worker }) => worker)).toEqual(['worker-2', 'worker-2']);
  expect((await take(1_000)).worker).toBe('worker-1');
  const waiting = take(1);
  await waitFor('it to wait', async () => (await server.status()).queue.pending === 1);
  await policy('round-robin');
  await caller.unary('FreeWorker', { lease_id: others[0]?.lease_id });
  expect((await waiting).worker).toBe('worker-2');
  const refused = await offhand(sandbox, ['policy', 'best', '--address', server.address]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/first-free.*got "best"/) });
}, 60_000);

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
