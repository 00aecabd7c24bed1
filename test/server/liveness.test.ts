import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { connect, startPool } from 'offhand';
import { startScript } from '../client/support.js';
import { attemptsIn, hold } from '../support/attempts.js';
import { BEAT, CLOCK, lastBeat } from '../support/functions.js';
import { codeRequest, type Lease, resultOf, runCode } from '../support/rpc.js';
import { freeze, isRunning, Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

const QUICK = ['--heartbeat-interval', '100ms', '--worker-timeout', '1s', '--no-profile'];

const logOf = (server: TestServer) => readFileSync(server.sandbox.path('logs', 'coordinator.log'), 'utf8');
const pidsOf = async (server: TestServer) => (await server.status()).workers.map(({ pid }) => pid);

describe('a worker that is frozen', () => {
  test.concurrent(
    'is lost after --worker-timeout: it is ended and replaced, and its calls run again',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2', ...QUICK]);
      await using pool = await connect(server.address, { token: server.token });
      const pids = await pidsOf(server);
      const [gate, file] = [sandbox.path('gate'), sandbox.path('frozen')];
      const open = sandbox.tokenFile;
      await pool.run(hold, sandbox.path('pace'), open); // It is known as short: many go at once.
      const held = pool.run(hold, file, gate);
      const behind = Array.from({ length: 8 }, (_, n) => sandbox.path(`behind-${n}`));
      const others = behind.map((name) => pool.run(hold, name, open));
      const frozen = await waitFor('the call to begin', () => attemptsIn(file)[0]);
      await freeze(frozen);

      await waitFor('a second attempt', () => attemptsIn(file).length > 1);
      writeFileSync(gate, '');
      expect(await held).toBe(attemptsIn(file)[1]);
      expect(attemptsIn(file)).toHaveLength(2);
      expect(await Promise.all(others)).not.toContain(frozen);
      expect(behind.map((name) => attemptsIn(name).length)).toEqual(behind.map(() => 1));
      await waitFor('the frozen process to end', () => !isRunning(frozen));
      const { workers } = await waitFor('another to attach', async () => {
        const status = await server.status();
        return status.workers.length === 2 ? status : undefined;
      });
      expect(workers.map(({ worker }) => worker)).toEqual(['worker-1', 'worker-2']);
      const survivors = workers.map(({ pid }) => pid).filter((pid) => pids.includes(pid));
      expect(survivors).toEqual(pids.filter((pid) => pid !== frozen));
      expect(logOf(server).match(/"worker lost"/g)).toHaveLength(1);
      expect(await server.stop()).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(2_000);
    },
    40_000,
  );

  test.concurrent(
    'for less than --worker-timeout loses nothing',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--worker-timeout', '8s', '--no-profile']);
      await using pool = await connect(server.address, { token: server.token });
      const [gate, file] = [sandbox.path('gate'), sandbox.path('frozen')];
      const held = pool.run(hold, file, gate);
      const frozen = await waitFor('the call to begin', () => attemptsIn(file)[0]);
      await freeze(frozen);
      writeFileSync(gate, '');
      const at = performance.now();
      await waitFor('two heartbeats to be missing', () => performance.now() - at > 2_200);
      process.kill(frozen, 'SIGCONT');
      expect(await held).toBe(frozen);
      expect(attemptsIn(file)).toEqual([frozen]);
      expect(await pidsOf(server)).toEqual([frozen]);
      expect(await server.stop()).toMatchObject({ code: 0 });
    },
    40_000,
  );
});

describe('a coordinator that is stopped for longer than its timeouts', () => {
  test.concurrent(
    'declares nobody lost when it goes on, and calls under way complete',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2', ...QUICK]);
      await using pool = await connect(server.address, { token: server.token });
      const pids = await pidsOf(server);
      const gate = sandbox.path('gate');
      const files = Array.from({ length: 6 }, (_, n) => sandbox.path(`call-${n}`));
      const calls = files.map((file) => pool.run(hold, file, gate));
      const begun = () => files.filter((file) => existsSync(file)).length;
      await waitFor('two calls to begin', () => begun() === 2);
      await freeze(server.pid);
      const at = performance.now();
      await waitFor('twice the --worker-timeout to pass', () => performance.now() - at > 2_000);
      server.signal('SIGCONT');
      writeFileSync(gate, '');

      const ran = await within(15_000, 'the calls to complete', Promise.all(calls));
      expect(new Set(ran)).toEqual(new Set(pids));
      expect(files.map((file) => attemptsIn(file).length)).toEqual([1, 1, 1, 1, 1, 1]);
      // Both are there for new calls too.
      const [first, second] = [sandbox.path('first'), sandbox.path('second')];
      const met = await Promise.all([pool.run(hold, first, second), pool.run(hold, second, first)]);
      expect(new Set(met)).toEqual(new Set(pids));
      expect(await pidsOf(server)).toEqual(pids);
      expect(logOf(server)).not.toContain('"worker lost"');
      expect(await server.stop()).toMatchObject({ code: 0 });
    },
    40_000,
  );
});

test.concurrent(
  'a pool of startPool whose coordinator was stopped for longer than that serves on',
  async () => {
    await using pool = await startPool({ workers: 1 });
    const [coordinator, worker] = await pool.run(() => [process.ppid, process.pid] as const);
    await freeze(coordinator);
    const at = performance.now();
    await waitFor('the 5 s after which a worker begins nothing more', () => performance.now() - at > 6_000);
    process.kill(coordinator, 'SIGCONT');
    expect(
      await within(
        10_000,
        'a call',
        pool.run(() => process.pid),
      ),
    ).toBe(worker);
  },
  40_000,
);

describe('a worker that hears nothing of its coordinator', () => {
  test.concurrent(
    'begins nothing new after --worker-timeout, goes on with what runs, and ends at --coordinator-timeout',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, [
        '1',
        '--slots',
        '3',
        ...QUICK,
        '--coordinator-timeout',
        '5s',
      ]);
      using caller = server.caller();
      const { token } = server;
      const leases: Lease[] = [];
      for (let slot = 0; slot < 3; slot++) leases.push(await caller.findFreeWorker());
      const [running, used, unused] = leases as [Lease, Lease, Lease];
      const [pid = 0] = await pidsOf(server);
      const file = sandbox.path('beat');
      const call = runCode(token, running, codeRequest(running, BEAT, [file])).catch(
        (error: unknown) => error,
      );
      await waitFor('a task to run', () => lastBeat(file));
      await freeze(server.pid);

      const refusal = await waitFor('the worker to refuse a lease that it knows', async () => {
        const attempt = runCode(token, used, codeRequest(used, CLOCK));
        return attempt.then(
          () => undefined,
          (error: unknown) => error,
        );
      });
      expect(refusal).toMatchObject({ details: expect.stringContaining('the lease is over') });
      await expect(runCode(token, unused, codeRequest(unused, CLOCK))).rejects.toMatchObject({
        details: expect.stringContaining('the lease is over'),
      });
      const before = lastBeat(file);
      await waitFor('what runs to go on', () => lastBeat(file) !== before);
      await waitFor('the worker to end', () => !isRunning(pid), 10_000);
      expect(await call).toMatchObject({ failure: { code: 'worker-lost', may_have_run: true } });
    },
    40_000,
  );
});

describe('a client', () => {
  test.concurrent(
    'whose event loop is blocked for longer than every limit loses nothing',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', ...QUICK, '--coordinator-timeout', '2s']);
      const script = startScript('blocks-its-loop.mjs', {
        args: [server.address, server.token, sandbox.cwd, '6000'],
        env: sandbox.env,
      });
      const { code, out, err } = await script.ended;
      expect({ code, out, err }).toEqual({ code: 0, out: 'done done done done done\n', err: '' });
      const files = ['long', 'a', 'b', 'c', 'd'].map((name) => sandbox.path(name));
      expect(files.map((file) => attemptsIn(file).length)).toEqual([1, 1, 1, 1, 1]);
      expect(await server.stop()).toMatchObject({ code: 0 });
    },
    40_000,
  );

  test.concurrent(
    'that is killed with calls in flight frees its slots within seconds, and what ran is stopped',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2', '--no-profile']);
      const beats = () => readdirSync(sandbox.cwd).filter((name) => name.startsWith('beat-'));
      const script = startScript('many-in-flight.mjs', {
        args: [server.address, server.token, sandbox.cwd, BEAT],
        env: sandbox.env,
      });
      await waitFor('a call to run on each worker', () => beats().length === 2);
      script.kill('SIGKILL');
      await script.ended;

      using caller = server.caller();
      const leases = [
        await caller.findFreeWorker({ deadlineMs: 5_000 }),
        await caller.findFreeWorker({ deadlineMs: 5_000 }),
      ];
      const [lease] = leases as [Lease];
      const now = resultOf(await runCode(server.token, lease, codeRequest(lease, CLOCK)));
      for (const name of beats()) expect(lastBeat(sandbox.path(name))).toBeLessThan(BigInt(String(now)));
      expect(beats()).toHaveLength(2);
      for (const each of leases) await caller.freeWorker(each);
      expect(await server.stop()).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(2_000);
    },
    40_000,
  );
});
