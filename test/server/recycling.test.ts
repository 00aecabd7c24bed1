import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { attemptsIn, hold, touch } from '../support/attempts.js';
import { poolError } from '../client/support.js';
import { join } from '../support/crew.js';
import { namesOf, pidOf } from '../support/members.js';
import { killNow, Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

const limit = (tasks: number) => ['--no-profile', '--max-tasks-per-worker', String(tasks)];

describe('a worker that has run as many tasks as it may', () => {
  test.concurrent(
    'is replaced again and again, and no call notices',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2', ...limit(10)]);
      await using pool = await connect(server.address, { token: server.token });
      const brittle = pool.with({ retries: 0 });
      const file = sandbox.path('attempts');
      let calls = 0;
      // More processes than would be let die within ten seconds without a pause.
      while (new Set(attemptsIn(file)).size < 8) {
        await Promise.all(Array.from({ length: 10 }, () => brittle.run(touch, file)));
        calls += 10;
      }
      expect(attemptsIn(file)).toHaveLength(calls);
      await waitFor('both to be there, and to stay', async () => {
        const { workers } = await server.status();
        return workers.length === 2 && workers.every(({ phase }) => phase === 'running');
      });
      const log = readFileSync(sandbox.path('logs/coordinator.log'), 'utf8');
      expect(log).toMatch(/retiring; another one gets ready/);
      expect(log).not.toMatch(/starting another/);
      expect(await server.stop()).toMatchObject({ code: 0 });
      expect(sandbox.processes()).toEqual([]);
    },
    60_000,
  );

  test.concurrent(
    'finishes what it runs while the next one gets ready, which comes when it has gone',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--slots', '2', ...limit(3)]);
      await using pool = await connect(server.address, { token: server.token });
      const [file, gate] = [sandbox.path('held'), sandbox.path('gate')];
      const held = pool.with({ retries: 0 }).run(hold, file, gate);
      await waitFor('it to run', () => attemptsIn(file).length === 1);
      for (let i = 0; i < 3; i++) await pool.run(touch, sandbox.path('touched'));
      await waitFor('the worker to retire', async () =>
        (await server.status()).workers.some(({ phase }) => phase === 'draining'),
      );
      const late = pool.run(touch, sandbox.path('late'));
      await waitFor('the next one to be ready', () => listeners(sandbox) === 2);
      expect(await namesOf(server)).toEqual(['worker-1']);
      expect(attemptsIn(sandbox.path('late'))).toEqual([]);
      writeFileSync(gate, '');
      const before = await held;
      const after = await late;
      expect(after).not.toBe(before);
      expect(await pidOf(server, 'worker-1')).toBe(after);
    },
    60_000,
  );

  test.concurrent(
    'is replaced at once when it dies on its way out',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--slots', '2', ...limit(3)]);
      await using pool = await connect(server.address, { token: server.token });
      const file = sandbox.path('held');
      const held = poolError(pool.with({ retries: 0 }).run(hold, file, sandbox.path('never')));
      await waitFor('it to run', () => attemptsIn(file).length === 1);
      for (let i = 0; i < 3; i++) await pool.run(touch, sandbox.path('touched'));
      await waitFor('the next one to be ready', () => listeners(sandbox) === 2);
      killNow(attemptsIn(file)[0] ?? 0);
      expect(await held).toMatchObject({ code: 'worker-lost' });
      expect(await pool.run(touch, sandbox.path('late'))).toBe(await pidOf(server, 'worker-1'));
      expect(listeners(sandbox)).toBe(2);
      expect(await server.stop()).toMatchObject({ code: 0 });
      expect(sandbox.processes()).toEqual([]);
    },
    60_000,
  );

  test.concurrent(
    'leaves no other one behind when the pool stops meanwhile',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--slots', '2', ...limit(3)]);
      await using pool = await connect(server.address, { token: server.token });
      const [file, gate] = [sandbox.path('held'), sandbox.path('gate')];
      const held = pool.run(hold, file, gate);
      await waitFor('it to run', () => attemptsIn(file).length === 1);
      for (let i = 0; i < 3; i++) await pool.run(touch, sandbox.path('touched'));
      await waitFor('the next one to be ready', () => listeners(sandbox) === 2);
      const stopped = server.stop();
      writeFileSync(gate, '');
      expect(await held).toBe(attemptsIn(file)[0]);
      expect(await stopped).toMatchObject({ code: 0 });
      expect(sandbox.processes()).toEqual([]);
    },
    60_000,
  );

  test.concurrent(
    'is replaced under its name where it has come by itself',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const crew = await join(server, ['--max-tasks-per-worker', '10', '--tag', 'there']);
      await using pool = await connect(server.address, { token: server.token });
      const there = pool.with({ requires: ['there'], whenNoneFits: 'wait', retries: 0 });
      const file = sandbox.path('attempts');
      let calls = 0;
      // A fourth one would have to wait, were these deaths.
      while (new Set(attemptsIn(file)).size < 5) {
        await there.run(touch, file);
        calls += 1;
      }
      expect(attemptsIn(file)).toHaveLength(calls);
      expect(new Set(crew.workers)).toEqual(new Set(['worker-2']));
      expect(crew.stderr).toMatch(
        /worker-2 has ended \(it has run \d+ tasks .*\); another one starts at once/,
      );
      expect(crew.stderr).not.toMatch(/another one starts in/);
    },
    60_000,
  );
});

/** Worker processes that have come as far as to listen. */
function listeners(sandbox: Sandbox): number {
  return readFileSync(sandbox.path('logs/worker-1.log'), 'utf8').match(/"msg":"listening"/g)?.length ?? 0;
}
