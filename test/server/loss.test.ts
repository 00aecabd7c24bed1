import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { CHILD, SLEEP } from '../support/functions.js';
import { readProfile } from '../support/profile.js';
import { codeRequest, type Lease, resultOf, runCode } from '../support/rpc.js';
import { isRunning, killNow, Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer, TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

const runOn = (server: TestServer, lease: Lease, source: string, args: unknown[] = []) =>
  runCode(server.token, lease, codeRequest(lease, source, args));

/** Runs a task that starts a program and goes on for ever; gives the program's pid. */
async function runWithChild(
  server: TestServer,
  lease: Lease,
): Promise<{ childPid: number; call: Promise<unknown> }> {
  const file = server.sandbox.path(`child-${lease.worker}-${lease.port}`);
  const call = runOn(server, lease, CHILD, [file]).catch((error: unknown) => error);
  await waitFor(
    'the task to start a program',
    () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'),
  );
  return { childPid: Number(readFileSync(file, 'utf8')), call };
}

describe('a worker that is lost', () => {
  test.concurrent(
    'is replaced under its name, with all that its tasks had started, and the pool serves on',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1']);
      const pid = (await server.status()).workers[0]?.pid ?? 0;
      using caller = server.caller();
      const lease = await caller.findFreeWorker();
      await runOn(server, lease, SLEEP, [1]);
      const { childPid, call } = await runWithChild(server, lease);
      expect(isRunning(childPid)).toBe(true);
      const next = caller.findFreeWorker();
      killNow(pid);

      const replacement = await next;
      expect(replacement).toMatchObject({ worker: 'worker-1' });
      expect(replacement.worker_id).not.toBe(lease.worker_id);
      expect(resultOf(await runOn(server, replacement, '() => process.pid'))).not.toBe(pid);
      expect(await call).toMatchObject({ code: expect.any(Number) });
      await waitFor('the program to end', () => !isRunning(childPid));
      await caller.freeWorker(lease); // Of a worker that is no more: still no error.
      await caller.freeWorker(replacement);

      expect(await server.stop()).toMatchObject({ code: 0 });
      const rows = readProfile(server.profile);
      expect(new Set(rows.map(({ worker }) => worker))).toEqual(new Set(['worker-1']));
      expect(rows.map(({ completed }) => completed)).toContain(1);
      await sandbox.whenEmpty(500);
    },
    30_000,
  );

  test.concurrent(
    'because it is stuck in native code is replaced at once',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      using caller = server.caller();
      const lease = await caller.findFreeWorker();
      const call = runOn(server, lease, `() => { require('node:child_process').execSync('sleep 600'); }`);
      const outcome = call.catch((error: unknown) => error);
      await waitFor('the program to start', () =>
        sandbox.processes().some(({ command }) => command.startsWith('sleep')),
      );
      await caller.freeWorker(lease);
      await outcome;
      const next = await caller.findFreeWorker({ deadlineMs: 8_000 });
      expect(next.worker_id).not.toBe(lease.worker_id);
      expect(sandbox.processes().filter(({ command }) => command.startsWith('sleep'))).toEqual([]);
      await caller.freeWorker(next);
      expect(await server.stop()).toMatchObject({ code: 0 });
    },
    30_000,
  );
});

describe('a coordinator that is lost', () => {
  test.concurrent(
    'is outlived by nothing once --coordinator-timeout is over',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--coordinator-timeout', '1s', '--no-profile']);
      using caller = server.caller();
      const { childPid } = await runWithChild(server, await caller.findFreeWorker());
      server.kill();
      await server.ended;
      const at = performance.now();
      await sandbox.whenEmpty(8_000);
      expect(performance.now() - at).toBeLessThan(6_000);
      expect(isRunning(childPid)).toBe(false);
    },
    30_000,
  );

  test.concurrent(
    'and comes back on the same port in time keeps its workers',
    async () => {
      await using sandbox = new Sandbox();
      const { port, workerPorts } = randomPorts();
      const args = ['1', '--port', port, '--worker-ports', workerPorts, '--no-profile'];
      const first = await new TestServer(sandbox, [...args, '--coordinator-timeout', '20s']).whenReady();
      const pid = (await first.status()).workers[0]?.pid ?? 0;
      first.kill();
      await first.ended;

      // For longer than it takes grpc-js to dial but rarely.
      const log = sandbox.path('logs', 'worker-1.log');
      const dials = () => readFileSync(log, 'utf8').split('dialling again').length - 1;
      await waitFor('the worker to have dialled often', () => dials() >= 15);

      const second = await new TestServer(sandbox, args).whenReady();
      const workers = await waitFor('the old worker to attach', async () => {
        const status = await second.status();
        return status.workers.some((worker) => worker.pid === pid) ? status.workers : undefined;
      });
      using caller = second.caller();
      const leases = [];
      for (let index = 0; index < workers.length; index++) leases.push(await caller.findFreeWorker());
      const pids = await Promise.all(
        leases.map(async (lease) => resultOf(await runOn(second, lease, '() => process.pid'))),
      );
      expect(pids).toEqual([pid]);
      for (const lease of leases) await caller.freeWorker(lease);
      expect(await second.stop()).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(2_000);
    },
    40_000,
  );
});
