import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { attemptsIn, hold, spin, touch } from '../support/attempts.js';
import { codeRequest, runCode } from '../support/rpc.js';
import { isRunning, Sandbox } from '../support/sandbox.js';
import { startServer, TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

const workersOf = async (server: TestServer) => (await server.status()).workers;
const pidsOf = async (server: TestServer) => (await workersOf(server)).map(({ pid }) => pid);

/** Worker processes that live in a sandbox, whoever started them. */
const workerProcesses = (sandbox: Sandbox) =>
  sandbox.processes().filter(({ command }) => command.includes('worker/process.js'));

/** Another server in the place of one that is gone. */
function startAgain(server: TestServer, workers: number, flags: string[] = []): Promise<TestServer> {
  const { port } = server;
  const args = [String(workers), '--port', String(port), '--worker-ports', `${port + 1}-${port + 19}`];
  return new TestServer(server.sandbox, [...args, '--no-profile', '--no-http', ...flags]).whenReady();
}

/** Ends a coordinator without a word, and starts another in its place. */
async function killAndRestart(server: TestServer, workers: number, flags?: string[]): Promise<TestServer> {
  server.kill();
  await server.ended;
  return startAgain(server, workers, flags);
}

describe('a coordinator that is killed and started again', () => {
  test.concurrent(
    'keeps its workers, and every call of every client completes exactly once',
    async () => {
      await using sandbox = new Sandbox();
      const first = await startServer(sandbox, ['2', '--no-profile']);
      const pids = await pidsOf(first);
      const options = { token: first.token };
      await using one = await connect(first.address, options);
      await using two = await connect(first.address, options);
      await using three = await connect(first.address, options);
      const calls = [one, two, three].flatMap((pool, client) =>
        Array.from({ length: 8 }, (_, n) => {
          const file = sandbox.path(`call-${client}-${n}`);
          // Those that yield and those that do not; with three clients on two slots some wait for a lease.
          const call = n % 2 === 0 ? pool.run(spin, file, 150) : pool.run(hold, file, sandbox.tokenFile);
          return { file, call };
        }),
      );
      await waitFor('a call to run on each worker', () => {
        const ran = calls.flatMap(({ file }) => attemptsIn(file));
        return new Set(ran).size === 2;
      });
      const second = await killAndRestart(first, 2);

      const ran = await within(20_000, 'the calls', Promise.all(calls.map(({ call }) => call)));
      expect(new Set(ran)).toEqual(new Set(pids));
      expect(calls.map(({ file }) => attemptsIn(file).length)).toEqual(calls.map(() => 1));
      expect(await pidsOf(second)).toEqual(pids);
      expect(
        workerProcesses(sandbox)
          .map(({ pid }) => pid)
          .sort(),
      ).toEqual([...pids].sort());
      // A call that comes afterwards, on the session that was dialled again.
      expect(pids).toContain(await one.run(touch, sandbox.path('after')));
      expect(await second.stop()).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(3_000);
    },
    60_000,
  );

  test.concurrent(
    'removes the socket where its queue had handed out large arguments, though no worker starts',
    async () => {
      await using sandbox = new Sandbox();
      const first = await startServer(sandbox, ['1', '--no-profile']);
      const folder = join(String(sandbox.env['XDG_RUNTIME_DIR']), 'offhand');
      const socketsOf = ({ pid }: TestServer) =>
        readdirSync(folder).filter((name) => name.startsWith(`client-${pid}-`));
      await using pool = await connect(first.address, { token: first.token });
      const file = sandbox.path('held');
      const large = new Uint8Array(200_000);
      await pool.submit(hold, [file, sandbox.path('gate'), large]);
      await waitFor('the task to begin', () => attemptsIn(file).length === 1);
      expect(socketsOf(first)).toHaveLength(1);
      const pids = await pidsOf(first);
      const second = await killAndRestart(first, 1);
      expect(socketsOf(first)).toEqual([]);
      expect(await pidsOf(second)).toEqual(pids);
      writeFileSync(sandbox.path('gate'), '');
      expect(await second.stop()).toMatchObject({ code: 0 });
    },
    60_000,
  );

  test.concurrent(
    'twice while a call runs leaves it alone, and its slot is nobody else’s meanwhile',
    async () => {
      await using sandbox = new Sandbox();
      const first = await startServer(sandbox, ['1', '--no-profile']);
      const [pid] = await pidsOf(first);
      await using pool = await connect(first.address, { token: first.token });
      const [gate, file, queued] = [sandbox.path('gate'), sandbox.path('held'), sandbox.path('queued')];
      const held = pool.run(hold, file, gate);
      await waitFor('the call to begin', () => attemptsIn(file).length === 1);
      const second = await killAndRestart(await killAndRestart(first, 1), 1);
      await using other = await connect(second.address, { token: first.token });
      const waiting = other.run(touch, queued);
      await waitFor(
        'the other client to wait in line',
        async () => (await second.status()).queue.pending > 0,
      );
      expect((await workersOf(second))[0]?.busy).toBe(true);
      expect(existsSync(queued)).toBe(false);
      writeFileSync(gate, '');

      expect(await held).toBe(pid);
      expect(await within(10_000, 'the other client to be served', waiting)).toBe(pid);
      expect([attemptsIn(file), attemptsIn(queued)]).toEqual([[pid], [pid]]);
      expect(await second.stop()).toMatchObject({ code: 0 });
    },
    60_000,
  );

  test.concurrent(
    'leaves a caller of the plain RPCs its lease: what runs completes, and nobody else has the worker until it is given back',
    async () => {
      await using sandbox = new Sandbox();
      // Its leases would be over when it has not heard of a coordinator for that long.
      const patient = ['--worker-timeout', '60s'];
      const first = await startServer(sandbox, ['1', '--no-profile', ...patient]);
      const [pid] = await pidsOf(first);
      using caller = first.caller('one');
      const lease = await caller.findFreeWorker();
      const [gate, file] = [sandbox.path('gate'), sandbox.path('held')];
      const call = runCode(first.token, lease, codeRequest(lease, String(hold), [file, gate]));
      await waitFor('the call to begin', () => attemptsIn(file).length === 1);
      const second = await killAndRestart(first, 1, patient);
      using other = second.caller('another');
      let isServed = false;
      const served = other.findFreeWorker({ deadlineMs: 40_000 }).finally(() => (isServed = true));
      await waitFor('the other to wait', async () => (await second.status()).queue.pending === 1);
      writeFileSync(gate, '');
      expect((await call).result?.data.toString()).toBe(String(pid));
      const again = await runCode(
        first.token,
        lease,
        codeRequest(lease, String(touch), [sandbox.path('again')]),
      );
      expect(again.result?.data.toString()).toBe(String(pid));
      expect(isServed).toBe(false);

      using after = second.caller('one');
      await after.freeWorker(lease);
      await after.freeWorker(lease);
      const { lease_id: next } = await within(10_000, 'the other to be served', served);
      expect(next).not.toBe(lease.lease_id);
      const late = runCode(first.token, lease, codeRequest(lease, String(touch), [sandbox.path('late')]));
      await expect(late).rejects.toMatchObject({ details: expect.stringContaining('lease') });
      expect(await second.stop()).toMatchObject({ code: 0 });
    },
    60_000,
  );

  test.concurrent(
    'with fewer workers ends with that many once they have finished what they run; with more it starts the rest',
    async () => {
      await using sandbox = new Sandbox();
      const first = await startServer(sandbox, ['2', '--no-profile']);
      const pids = await pidsOf(first);
      await using pool = await connect(first.address, { token: first.token });
      const gate = sandbox.path('gate');
      const files = [sandbox.path('a'), sandbox.path('b')];
      const calls = files.map((file) => pool.run(hold, file, gate));
      await waitFor('both to run', () => files.every((file) => attemptsIn(file).length === 1));
      const second = await killAndRestart(first, 1);
      writeFileSync(gate, '');

      expect(new Set(await within(10_000, 'the calls', Promise.all(calls)))).toEqual(new Set(pids));
      expect(files.map((file) => attemptsIn(file).length)).toEqual([1, 1]);
      await waitFor('one to leave', async () => (await workersOf(second)).length === 1);
      expect(await workersOf(second)).toMatchObject([{ worker: 'worker-1', pid: pids[0] }]);
      await waitFor('its process to end', () => !isRunning(pids[1] ?? 0));
      expect(workerProcesses(sandbox)).toHaveLength(1);
      expect(await pool.run(touch, sandbox.path('after'))).toBe(pids[0]);

      const third = await killAndRestart(second, 3);
      const workers = await waitFor('three workers', async () => {
        const all = await workersOf(third);
        return all.length >= 3 ? all : undefined;
      });
      expect(workers.map(({ worker }) => worker)).toEqual(['worker-1', 'worker-2', 'worker-3']);
      expect(workers[0]?.pid).toBe(pids[0]);
      expect(workerProcesses(sandbox)).toHaveLength(3);
      expect(await third.stop()).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(3_000);
    },
    60_000,
  );

  test.concurrent(
    'starts another for a worker that ended meanwhile, or that ends after it was taken on',
    async () => {
      await using sandbox = new Sandbox();
      const first = await startServer(sandbox, ['2', '--no-profile']);
      const [one = 0, two = 0] = await pidsOf(first);
      first.kill();
      await first.ended;
      process.kill(one, 'SIGKILL');
      await waitFor('a worker to end', () => !isRunning(one));
      const second = await startAgain(first, 2);
      const [replaced, kept] = await waitFor('two workers', async () => {
        const pids = await pidsOf(second);
        return pids.length === 2 ? pids : undefined;
      });
      expect([replaced === one, kept]).toEqual([false, two]);
      process.kill(two, 'SIGKILL');
      await waitFor('another in its place', async () => {
        const pids = await pidsOf(second);
        return pids.length === 2 && pids[0] === replaced && pids[1] !== two;
      });
      expect(workerProcesses(sandbox)).toHaveLength(2);
      expect(await second.stop()).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(3_000);
    },
    60_000,
  );
});

test.concurrent(
  'a coordinator that stays away ends the calls that wait, as unavailable; what runs completes, and workers go on dialling',
  async () => {
    await using sandbox = new Sandbox();
    const server = await startServer(sandbox, ['1', '--no-profile']);
    await using pool = await connect(server.address, { token: server.token, reconnectTimeoutMs: 500 });
    await using other = await connect(server.address, { token: server.token, reconnectTimeoutMs: 500 });
    const [gate, file, queued] = [sandbox.path('gate'), sandbox.path('held'), sandbox.path('queued')];
    const held = pool.run(hold, file, gate);
    await waitFor('the call to begin', () => attemptsIn(file).length === 1);
    const waiting = other.run(touch, queued).catch((error: unknown) => error);
    await waitFor('the other to wait', async () => (await server.status()).queue.pending > 0);
    server.kill();
    await server.ended;
    expect(await waiting).toMatchObject({ code: 'unavailable', mayHaveRun: false });
    writeFileSync(gate, '');
    expect(await held).toBe(attemptsIn(file)[0]);
    expect([attemptsIn(file).length, existsSync(queued)]).toEqual([1, false]);

    const log = sandbox.path('logs', 'worker-1.log');
    const dials = () => readFileSync(log, 'utf8').split('dialling again').length - 1;
    await waitFor('the worker to have dialled often', () => dials() >= 20);
    const second = await startAgain(server, 1);
    expect(await pidsOf(second)).toEqual(attemptsIn(file));
    expect(await within(15_000, 'a call of a client that had given up', other.run(touch, queued))).toBe(
      attemptsIn(file)[0],
    );
    expect(await second.stop()).toMatchObject({ code: 0 });
  },
  60_000,
);
