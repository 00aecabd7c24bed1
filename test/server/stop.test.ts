import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { BEAT, lastBeat, SLEEP } from '../support/functions.js';
import { readProfile, rowsOf } from '../support/profile.js';
import { codeRequest, type Lease, runCode } from '../support/rpc.js';
import { isRunning, killNow, Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer, TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

const runOn = (server: TestServer, lease: Lease, source: string, args: unknown[] = []) =>
  runCode(server.token, lease, codeRequest(lease, source, args));

/** What a pool leaves in the folder where pools find one another. */
const announced = (sandbox: Sandbox) => readdirSync(`${sandbox.env['XDG_RUNTIME_DIR']}/offhand`);

describe('stopping a server', () => {
  test.concurrent.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s lets a running task finish, loses no row of the profile, and leaves no process',
    async (signal) => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2']);
      const pids = (await server.status()).workers.map(({ pid }) => pid);
      using caller = server.caller();
      const [lease, other] = [await caller.findFreeWorker(), await caller.findFreeWorker()];
      for (let index = 0; index < 4; index++) await runOn(server, lease, '() => 1');
      await runOn(server, lease, '() => { throw 1; }');
      const last = runOn(server, lease, SLEEP, [400]);
      await waitFor('the task to run', async () => {
        return (await caller.status()).workers.some(({ tasks }) => tasks.length > 0);
      });
      const waiting = caller.findFreeWorker().catch((error: unknown) => error);
      await waitFor('a caller to wait', async () => (await caller.status()).queue.pending === 1);
      expect(announced(sandbox)).toContain(`${server.port}.json`);

      expect(await server.stop(signal)).toEqual({ code: 0, signal: null });
      expect(pids.filter(isRunning)).toEqual([]);
      await sandbox.whenEmpty(500);
      expect((await last).result?.data.toString()).toBe('400');
      expect(await waiting).toMatchObject({ details: expect.stringContaining('stopping') });
      const rows = readProfile(server.profile);
      expect(rowsOf(rows, lease.worker).at(-1)).toMatchObject({ completed: 5, failed: 1 });
      expect(rowsOf(rows, other.worker).at(-1)).toMatchObject({ completed: 0, failed: 0 });
      expect(announced(sandbox)).toEqual([]);
      expect(server.output).not.toMatch(/\bat .*\.js:\d+/);
    },
    30_000,
  );

  test.concurrent('a second signal ends it at once, whatever runs', async () => {
    await using sandbox = new Sandbox();
    const server = await startServer(sandbox, ['1']);
    using caller = server.caller();
    const lease = await caller.findFreeWorker();
    const file = sandbox.path('beat');
    const call = runOn(server, lease, BEAT, [file]).catch((error: unknown) => error);
    await waitFor('the task to run', () => lastBeat(file));
    server.signal('SIGINT');
    await waitFor('the first signal to be noticed', () => server.stdout.includes('stopping'));
    const before = lastBeat(file);
    await waitFor('the task to go on', () => lastBeat(file) !== before);
    const at = performance.now();
    expect(await server.stop('SIGINT')).toEqual({ code: 130, signal: null });
    expect(performance.now() - at).toBeLessThan(2_000);
    await sandbox.whenEmpty(1_000);
    expect(await call).toMatchObject({ code: expect.any(Number) });
    readProfile(server.profile);
  });

  test.concurrent.each([
    ['before any worker has attached', 'worker-1.log', 'listening'],
    ['once the first of several workers has attached', 'coordinator.log', 'worker attached'],
  ])(
    'while it starts, %s, leaves no process behind',
    async (_, file, line) => {
      await using sandbox = new Sandbox();
      const { port, workerPorts } = randomPorts();
      const server = new TestServer(sandbox, ['6', '--port', port, '--worker-ports', workerPorts]);
      const log = sandbox.path('logs', file);
      await waitFor('it to be starting', () => existsSync(log) && readFileSync(log, 'utf8').includes(line));
      expect(await server.stop('SIGINT')).toEqual({ code: 0, signal: null });
      await sandbox.whenEmpty(500);
    },
    30_000,
  );

  test.concurrent('does not wait for a worker that has died and is being replaced', async () => {
    await using sandbox = new Sandbox();
    const server = await startServer(sandbox, ['1']);
    const [worker] = (await server.status()).workers;
    killNow(worker?.pid ?? 0);
    await waitFor('the replacement to start', () =>
      sandbox
        .processes()
        .some(({ pid, command }) => command.includes('worker/process') && pid !== worker?.pid),
    );
    expect(await within(8_000, 'the server to stop', server.stop())).toMatchObject({ code: 0 });
    await sandbox.whenEmpty(500);
  });
});
