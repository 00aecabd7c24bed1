import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { touch } from '../support/attempts.js';
import { offhand } from '../support/cli.js';
import { holdAll, namesOf, pidOf, serverAt } from '../support/members.js';
import { killNow, Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

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
      expect(stdout).toContain('\n1 worker, 0 busy');
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
      await waitFor('three workers to run a call', () => held.begunCount() === 3);
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
