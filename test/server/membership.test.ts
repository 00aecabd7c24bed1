import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { attemptsIn, hold, touch } from '../support/attempts.js';
import { offhand } from '../support/cli.js';
import { join } from '../support/crew.js';
import { isRunning, killNow, Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer, TestServer } from '../support/server.js';
import { pem, TLS_FLAGS, tlsFile } from '../support/tls.js';
import { waitFor, within } from '../support/wait.js';

const namesOf = async (server: TestServer) => (await server.status()).workers.map(({ worker }) => worker);
const pidOf = async (server: TestServer, name: string) =>
  (await server.status()).workers.find(({ worker }) => worker === name)?.pid ?? 0;

/** A pool of two workers on these very ports. */
function serverAt(sandbox: Sandbox, port: string, workerPorts: string): Promise<TestServer> {
  const where = ['--port', port, '--worker-ports', workerPorts];
  return new TestServer(sandbox, ['2', '--no-profile', ...where]).whenReady();
}

/** Calls that run until there is a file named gate, one on each worker of the pool. */
function holdAll(pool: Awaited<ReturnType<typeof connect>>, sandbox: Sandbox, count: number) {
  const gate = sandbox.path('gate');
  const files = Array.from({ length: count }, (_, index) => sandbox.path(`held-${index}`));
  return {
    calls: files.map((file) => pool.run(hold, file, gate)),
    begun: () => files.every((file) => attemptsIn(file).length > 0),
    attempts: () => files.map((file) => attemptsIn(file).length),
    open: () => writeFileSync(gate, ''),
  };
}

describe('workers that join', () => {
  test.concurrent(
    'run calls beside those of the server, under names of the pool, and end with it',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const crew = await join(server, ['--log-dir', sandbox.path('joined')], 2);
      expect(await namesOf(server)).toEqual(['worker-1', 'worker-2', 'worker-3']);
      expect([...crew.workers].sort()).toEqual(['worker-2', 'worker-3']);
      await using pool = await connect(server.address, { token: server.token });
      const held = holdAll(pool, sandbox, 3);
      await waitFor('all three to run a call', held.begun);
      held.open();
      expect(new Set(await Promise.all(held.calls)).size).toBe(3);

      expect(await server.stop()).toMatchObject({ code: 0 });
      expect(await within(5_000, 'the joined workers to end', crew.ended)).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(1_000);
    },
    60_000,
  );

  test.concurrent(
    'are replaced when one dies, and its call runs again',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const crew = await join(server);
      await using pool = await connect(server.address, { token: server.token });
      const held = holdAll(pool, sandbox, 2);
      await waitFor('both to run a call', held.begun);
      const pid = await pidOf(server, 'worker-2');
      killNow(pid);
      await crew.whenAttached(2);
      expect(crew.stderr).toContain('worker-2 has ended (SIGKILL); another one starts at once');
      held.open();
      await Promise.all(held.calls);
      expect(held.attempts().sort()).toEqual([1, 2]);
      expect(await pidOf(server, 'worker-2')).not.toBe(pid);
    },
    60_000,
  );

  test.concurrent.each(['SIGTERM', 'SIGKILL'] as const)(
    'finish what they run when the command that started them gets %s, and the pool goes on',
    async (signal) => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const crew = await join(server);
      await using pool = await connect(server.address, { token: server.token });
      const held = holdAll(pool, sandbox, 2);
      await waitFor('both to run a call', held.begun);
      const pid = await pidOf(server, 'worker-2');
      crew.signal(signal);
      await waitFor('it to take nothing more', async () =>
        (await server.status()).workers.some(({ phase }) => phase === 'draining'),
      );
      held.open();
      expect(await Promise.all(held.calls)).toContain(pid);
      expect(held.attempts()).toEqual([1, 1]);
      await waitFor('the worker to leave', async () => (await namesOf(server)).length === 1);
      await waitFor('its process to end', () => !isRunning(pid));
      if (signal === 'SIGTERM') expect(await crew.ended).toMatchObject({ code: 0 });
      expect(await pool.run(touch, sandbox.path('after'))).toBe(await pidOf(server, 'worker-1'));
    },
    60_000,
  );

  test.concurrent(
    'end when their coordinator has been gone for the time they were given, and the command says why',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile', '--coordinator-timeout', '1s']);
      const crew = await join(server, ['--coordinator-timeout', '1s'], 2);
      server.kill();
      expect(await within(10_000, 'the command to end', crew.ended)).toMatchObject({ code: 1 });
      expect(crew.stderr).toMatch(
        /^offhand: the coordinator at 127\.0\.0\.1:\d+ has been gone for \d+ ms\n$/m,
      );
      await sandbox.whenEmpty(3_000);
    },
    60_000,
  );

  test.concurrent(
    'come back under their names to a coordinator that was started again',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const crew = await join(server);
      const pid = await pidOf(server, 'worker-2');
      server.kill();
      await server.ended;
      const again = await serverAt(sandbox, String(server.port), `${server.port + 1}-${server.port + 19}`);
      await waitFor('all to be there', async () => (await namesOf(again)).length === 3);
      // The server's own are worker-1 and worker-2 now.
      expect(await pidOf(again, 'worker-3')).toBe(pid);
      expect(crew.child.exitCode).toBe(null);
      expect(await again.stop()).toMatchObject({ code: 0 });
      expect(await crew.ended).toMatchObject({ code: 0 });
    },
    60_000,
  );

  test.concurrent(
    'of a pool with TLS show certificates of their own',
    async () => {
      await using sandbox = new Sandbox();
      const remote = ['--host', '0.0.0.0', '--advertise', '127.0.0.1', ...TLS_FLAGS];
      const server = await startServer(sandbox, ['1', '--no-profile', ...remote]);
      await join(server, [...remote, '--tls-ca', tlsFile('ca')]);
      await using pool = await connect(server.address, { token: server.token, tls: { ca: pem('ca') } });
      const held = holdAll(pool, sandbox, 2);
      await waitFor('both to run a call', held.begun);
      held.open();
      await Promise.all(held.calls);
      const plain = await offhand(sandbox, ['worker', '--join', server.address, '--tls-ca', tlsFile('ca')]);
      expect(plain).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('give --tls-cert and --tls-key'),
      });
    },
    60_000,
  );

  test.concurrent(
    'are told in one sentence what is in their way',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const joining = ['worker', '--join', server.address];
      const refused: [string[], NodeJS.ProcessEnv, RegExp][] = [
        [joining, { OFFHAND_TOKEN: 'wrong' }, /token/],
        [
          joining,
          { XDG_CONFIG_HOME: sandbox.path('empty') },
          /a worker needs the token of its pool: set OFFHAND_TOKEN/,
        ],
        [['worker', '--join', '127.0.0.1:1'], {}, /no pool answers at 127\.0\.0\.1:1/],
        [['worker', '--join', 'nonsense:'], {}, /--join: expected HOST:PORT, got "nonsense:"/],
        [[...joining, '--count', '0'], {}, /--count: expected a whole number from 1 to 1000, got 0/],
        [[...joining, '--count', '5', '--worker-ports', '7000-7001'], {}, /has room for 2 workers, and 5/],
        [[...joining, '--host', '0.0.0.0', '--advertise', 'box.lan'], {}, /TLS/],
        [[...joining, '--discover', 'localhost:1-2'], {}, /mutually exclusive/],
        [['worker', '--discover', 'localhost'], {}, /--discover: expected HOST:FROM-TO, got "localhost"/],
        [
          ['worker', '--discover', 'localhost:1-3'],
          {},
          /no coordinator with this token answers at localhost:1-3/,
        ],
        [
          ['scale', 'many', '--address', server.address],
          {},
          /workers: expected a whole number from 0 to 10000, got many/,
        ],
        [
          ['drain', 'worker-9', '--address', server.address],
          {},
          /no worker is called worker-9; there are: worker-1/,
        ],
      ];
      for (const [args, env, words] of refused) {
        const { code, stderr } = await offhand(sandbox, args, env);
        expect({ args, code, stderr }).toEqual({ args, code: 1, stderr: expect.stringMatching(words) });
        expect(stderr.trim().split('\n')).toHaveLength(1);
      }
      expect(await namesOf(server)).toEqual(['worker-1']);
    },
    60_000,
  );
});

describe('a pool that is scaled while it runs', () => {
  test.concurrent(
    'starts those that are missing, and loses no call of those that are too many',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const scale = (workers: number) =>
        offhand(sandbox, ['scale', String(workers), '--address', server.address]);
      expect(await scale(3)).toMatchObject({ code: 0, stdout: '3 workers from now on\n' });
      expect(await namesOf(server)).toEqual(['worker-1', 'worker-2', 'worker-3']);
      await using pool = await connect(server.address, { token: server.token });
      const held = holdAll(pool, sandbox, 3);
      await waitFor('all three to run a call', held.begun);
      expect(await scale(1)).toMatchObject({ code: 0, stdout: '1 worker from now on\n' });
      held.open();
      expect(new Set(await Promise.all(held.calls)).size).toBe(3);
      expect(held.attempts()).toEqual([1, 1, 1]);
      await waitFor('two to leave', async () => (await namesOf(server)).length === 1);
      expect(await namesOf(server)).toEqual(['worker-1']);

      expect(await scale(0)).toMatchObject({ code: 0 });
      await waitFor('the last to leave', async () => (await namesOf(server)).length === 0);
      const call = pool.run(touch, sandbox.path('late'));
      await waitFor('the call to wait', async () => (await server.status()).queue.pending === 1);
      expect(await scale(1)).toMatchObject({ code: 0 });
      expect(await within(10_000, 'the call', call)).toBe(await pidOf(server, 'worker-1'));
    },
    60_000,
  );

  test.concurrent(
    'drains one worker, which finishes what it runs and is not replaced',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2', '--no-profile']);
      await using pool = await connect(server.address, { token: server.token });
      const held = holdAll(pool, sandbox, 2);
      await waitFor('both to run a call', held.begun);
      const draining = offhand(sandbox, ['drain', 'worker-1', '--address', server.address]);
      await waitFor('it to drain', async () =>
        (await server.status()).workers.some(({ phase }) => phase === 'draining'),
      );
      held.open();
      await Promise.all(held.calls);
      expect(held.attempts()).toEqual([1, 1]);
      expect(await draining).toMatchObject({ code: 0, stdout: 'worker-1 is gone\n' });
      expect(await namesOf(server)).toEqual(['worker-2']);
      const { stdout } = await offhand(sandbox, ['status', '--address', server.address]);
      expect(stdout).toContain('\n1 workers, 0 busy');
    },
    60_000,
  );

  test.concurrent(
    'follows the work within --min and --max',
    async () => {
      await using sandbox = new Sandbox();
      const limits = ['--min', '1', '--max', '3', '--idle-timeout', '1s'];
      const server = await startServer(sandbox, ['--no-profile', ...limits]);
      expect(await namesOf(server)).toEqual(['worker-1']);
      await using pool = await connect(server.address, { token: server.token });
      const held = holdAll(pool, sandbox, 5);
      await waitFor('three workers', async () => (await namesOf(server)).length === 3);
      held.open();
      expect(new Set(await Promise.all(held.calls)).size).toBe(3);
      expect(held.attempts()).toEqual([1, 1, 1, 1, 1]);
      await waitFor('one worker again', async () => (await namesOf(server)).length === 1);
      const scaled = await offhand(sandbox, ['scale', '9', '--address', server.address]);
      expect(scaled).toMatchObject({ code: 0, stdout: '3 workers from now on\n' });
    },
    60_000,
  );
});

test.concurrent(
  'a pool one of whose workers cannot be replaced goes on with the others, says so, and is whole when it can',
  async () => {
    await using sandbox = new Sandbox();
    const { port, workerPorts } = randomPorts(3);
    const server = await serverAt(sandbox, port, workerPorts);
    const victim = (await server.status()).workers.find(({ worker }) => worker === 'worker-2');
    const squatter = createServer();
    killNow(victim?.pid ?? 0);
    await waitFor('its port to be free', () => canListen(squatter, victim?.port ?? 0));
    await waitFor('one to be missing', async () => (await namesOf(server)).length === 1);
    const status = () => offhand(sandbox, ['status', '--address', server.address]);
    expect((await status()).stdout).toContain('\n1 of 2 workers');
    await waitFor('the log to say why', () =>
      readFileSync(sandbox.path('logs', 'coordinator.log'), 'utf8').includes('is free for a worker'),
    );
    await using pool = await connect(server.address, { token: server.token });
    expect(await pool.run(touch, sandbox.path('meanwhile'))).toBe(await pidOf(server, 'worker-1'));
    squatter.close();
    await waitFor('the pool to be whole', async () => (await namesOf(server)).length === 2, 20_000);
    expect((await status()).stdout).toContain('\n2 workers');
  },
  60_000,
);

/** Whether the port could be taken just now. */
function canListen(server: ReturnType<typeof createServer>, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
}
