import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { connect, startPool } from 'offhand';
import { attemptsIn, hold } from '../support/attempts.js';
import { offhand } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';
import { poolError, temporaryFolder } from './support.js';

test('a broadcast runs once on every worker, and tells what came of it by the worker’s name', async () => {
  await using pool = await startPool({ workers: 3, slots: 2 });
  const outcomes = await pool.broadcast((text: string) => ({ pid: process.pid, text }), 'all');
  expect(outcomes).toEqual(
    [1, 2, 3].map((n) => ({
      worker: `worker-${n}`,
      status: 'fulfilled',
      value: { pid: expect.any(Number), text: 'all' },
    })),
  );
  const pids = outcomes.map((outcome) => outcome.status === 'fulfilled' && outcome.value.pid);
  expect(new Set(pids).size).toBe(3);
});

test('what one worker makes of it is no matter of the others', async () => {
  await using pool = await startPool({ workers: 2 });
  const marked = (await pool.broadcast(() => __offhand.workerId)).map((one) =>
    one.status === 'fulfilled' ? one.value : '',
  );
  const fail = (mark: string | undefined) => {
    if (__offhand.workerId === mark) throw new RangeError('not here');
    return 'well';
  };
  expect(await pool.broadcast(fail, marked[1])).toEqual([
    { worker: 'worker-1', status: 'fulfilled', value: 'well' },
    { worker: 'worker-2', status: 'rejected', reason: expect.objectContaining({ message: 'not here' }) },
  ]);
  const die = (mark: string | undefined) => {
    if (__offhand.workerId === mark) process.kill(process.pid, 'SIGKILL');
    return 'well';
  };
  expect(await pool.with({ retries: 3 }).broadcast(die, marked[0])).toEqual([
    {
      worker: 'worker-1',
      status: 'rejected',
      reason: expect.objectContaining({ code: 'worker-lost', mayHaveRun: true }),
    },
    { worker: 'worker-2', status: 'fulfilled', value: 'well' },
  ]);
});

test('a worker that is busy makes room for it, and its calls go on', async () => {
  const folder = temporaryFolder();
  await using pool = await startPool({ workers: 2 });
  const [file, gate] = [`${folder.path}/file`, `${folder.path}/gate`];
  const calls = [pool.run(hold, file, gate), pool.run(hold, file, gate), pool.run(hold, file, gate)];
  await waitFor('both workers to be busy', () => attemptsIn(file).length === 2);
  const patient = pool.broadcast(() => 'here');
  expect(await pool.with({ queueTimeoutMs: 50 }).broadcast(() => 'here')).toEqual(
    ['worker-1', 'worker-2'].map((worker) => ({
      worker,
      status: 'rejected',
      reason: expect.objectContaining({ code: 'queue-timeout' }),
    })),
  );
  writeFileSync(gate, '');
  expect((await patient).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(await Promise.all(calls)).toHaveLength(3);
  folder.remove();
});

test('a setup is ready on every worker after a broadcast', async () => {
  await using pool = await startPool({ workers: 2 });
  await pool.setup(() => void ((globalThis as { isReady?: boolean }).isReady = true));
  expect(await pool.broadcast(() => undefined)).toHaveLength(2);
  const ask = () => (globalThis as { isReady?: boolean }).isReady;
  expect(await Promise.all([pool.with({}).run(ask), pool.run(ask)])).toEqual([true, true]);
});

test('what cannot be sent is refused, and what no worker has', async () => {
  await using pool = await startPool({ workers: 1 });
  expect(
    await poolError(
      pool.broadcast(
        (x: unknown) => x,
        () => 1,
      ),
    ),
  ).toMatchObject({ code: 'not-cloneable' });
  expect(await poolError(pool.with({ requires: ['gpu'] }).broadcast(() => 1))).toMatchObject({
    code: 'no-worker-fits',
  });
  await pool.close();
  expect(await poolError(pool.broadcast(() => 1))).toMatchObject({ code: 'closed' });
});

test('inline, this process is the one worker', async () => {
  await using pool = await startPool({ inline: true });
  expect(await pool.broadcast((n: number) => n + process.pid, 1)).toEqual([
    { worker: 'inline', status: 'fulfilled', value: 1 + process.pid },
  ]);
});

test('a worker that leaves before it has room is told of', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['2', '--no-profile', '--event-log', 'events.jsonl']);
  await using pool = await connect(server.address, { token: server.token });
  const [file, gate] = [sandbox.path('file'), sandbox.path('gate')];
  const calls = [pool.run(hold, file, gate), pool.run(hold, file, gate)];
  await waitFor('both workers to be busy', () => attemptsIn(file).length === 2);
  const broadcast = pool.broadcast(() => 'here');
  const wishes = () =>
    readFileSync(sandbox.path('events.jsonl'), 'utf8').match(/"needs":\{[^}]*\},"worker":/g);
  await waitFor('it to wait for both', () => wishes()?.length === 2);
  const drained = offhand(sandbox, ['drain', 'worker-2', '--address', server.address]);
  await waitFor('one to drain', async () =>
    (await server.status()).workers.some(({ phase }) => phase === 'draining'),
  );
  writeFileSync(gate, '');
  expect(await broadcast).toEqual([
    { worker: 'worker-1', status: 'fulfilled', value: 'here' },
    { worker: 'worker-2', status: 'rejected', reason: expect.objectContaining({ code: 'worker-lost' }) },
  ]);
  await Promise.all(calls);
  expect(await drained).toMatchObject({ code: 0 });
});
