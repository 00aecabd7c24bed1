import { describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { touch } from '../support/attempts.js';
import { offhand } from '../support/cli.js';
import { join } from '../support/crew.js';
import { holdAll, namesOf, pidOf, serverAt } from '../support/members.js';
import { codeRequest, resultOf, runCode } from '../support/rpc.js';
import { freeze, isRunning, killNow, Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { pem, TLS_FLAGS, tlsFile } from '../support/tls.js';
import { waitFor, within } from '../support/wait.js';

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
    'are told of `offhand stop --now` too: what runs is stopped, and they end',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile', '--drain-timeout', '10m']);
      const crew = await join(server, ['--drain-timeout', '10m'], 2);
      await using pool = await connect(server.address, { token: server.token });
      const held = holdAll(pool.with({ retries: 0 }), sandbox, 3);
      const ended = Promise.allSettled(held.calls);
      await waitFor('all three to run a call', held.begun);
      const stopped = await offhand(sandbox, ['stop', '--now', '--address', server.address]);
      expect(stopped).toMatchObject({ code: 0, stdout: 'stopped\n' });
      expect(await within(5_000, 'the joined workers to end', crew.ended)).toMatchObject({ code: 0 });
      await server.ended;
      expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
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
    'that were lost and come back honour no lease from before, not even one that they had not seen',
    async () => {
      await using sandbox = new Sandbox();
      const quick = ['--worker-timeout', '1s', '--heartbeat-interval', '200ms'];
      const server = await startServer(sandbox, ['1', '--no-profile', ...quick]);
      await join(server);
      using caller = server.caller();
      await caller.findFreeWorker(); // That of worker-1.
      const lease = await caller.findFreeWorker();
      expect(lease.worker).toBe('worker-2');
      const pid = await pidOf(server, 'worker-2');
      await freeze(pid);
      await waitFor('it to be lost', async () => (await namesOf(server)).length === 1);
      process.kill(pid, 'SIGCONT');
      await waitFor('it to come back', async () => (await namesOf(server)).length === 2);
      await expect(runCode(server.token, lease, codeRequest(lease, '() => 1'))).rejects.toMatchObject({
        details: expect.stringContaining('the lease is over'),
      });
      const fresh = await caller.findFreeWorker();
      expect(fresh.worker).toBe('worker-2');
      expect(resultOf(await runCode(server.token, fresh, codeRequest(fresh, '() => 1')))).toBe(1);
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
