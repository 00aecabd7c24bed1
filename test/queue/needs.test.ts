import { describe, expect, test } from '@jest/globals';
import { connect, startPool } from 'offhand';
import { poolError } from '../client/support.js';
import { hold } from '../support/attempts.js';
import { join } from '../support/crew.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';
import { existsSync, writeFileSync } from 'node:fs';

const add = (a: number, b: number) => a + b;

describe('submitted tasks that ask something of their worker', () => {
  test('run there, whatever else waits, and others run elsewhere meanwhile', async () => {
    await using pool = await startPool({ workers: 3, tags: [['cpu'], ['gpu', 'mem=16g'], ['mem=4g']] });
    const gpu = pool.with({ requires: ['gpu'] });
    const tasks = await Promise.all([
      gpu.submitMany(
        add,
        Array.from({ length: 20 }, (_, n): [number, number] => [n, 1]),
      ),
      pool.submitMany(
        add,
        Array.from({ length: 20 }, (_, n): [number, number] => [n, 2]),
        { requires: ['mem=8g'] },
      ),
      pool.submitMany(add, [[1, 3]], { requires: ['cpu'] }),
    ]);
    await Promise.all(tasks.flat().map((task) => task.result()));
    const workers = await Promise.all(tasks.flat().map(async (task) => (await task.explain()).worker));
    expect(workers).toEqual([...Array<string>(40).fill('worker-2'), 'worker-1']);
    expect((await tasks[1][0]?.details())?.requires).toEqual(['mem=8g']);
  }, 60_000);

  test('wait for a worker that has it, say so, and hold up nobody', async () => {
    await using sandbox = new Sandbox();
    const server = await startServer(sandbox, ['1', '--no-profile']);
    await using pool = await connect(server.address, { token: server.token });
    const waiting = await pool.submit(add, [20, 22], { requires: ['gpu', 'mem=8g'], priority: 9 });
    const late = await pool.submit(add, [1, 1], { requires: ['gpu', 'mem=8g'], queueTimeoutMs: 50 });
    expect(await (await pool.submit(add, [1, 2])).result()).toBe(3);
    expect(await poolError(late.result())).toMatchObject({ code: 'queue-timeout', mayHaveRun: false });
    expect(await waiting.explain()).toMatchObject({ standing: 'the pool has no worker with gpu, mem=8g' });
    expect(await waiting.state()).toBe('pending');
    await join(server, ['--tag', 'gpu,mem=16g']);
    expect(await waiting.result()).toBe(42);
    expect((await waiting.explain()).worker).toBe('worker-2');
    expect(server.output).not.toMatch(/Warning/);
  }, 60_000);

  test('are refused where a tag is none', async () => {
    await using pool = await startPool({ workers: 1 });
    const refused = {
      code: 'invalid-argument',
      message: expect.stringMatching(/requires: expected a tag .* got "g p u"/),
    };
    expect(await poolError(pool.submit(add, [1, 2], { requires: ['g p u'] }))).toMatchObject(refused);
  });
});

test('a task that is claimed ahead is pending until a worker has it', async () => {
  await using sandbox = new Sandbox();
  await using pool = await startPool({ workers: 1 });
  const [file, gate] = [sandbox.path('file'), sandbox.path('gate')];
  const running = await pool.submit(hold, [file, gate]);
  await waitFor('it to run', () => existsSync(file));
  const next = await pool.submit(hold, [sandbox.path('next'), gate]);
  const heard: string[] = [];
  const listening = (async () => {
    for await (const event of next) if (event.type === 'state') heard.push(event.state);
  })();
  await waitFor('it to be heard of', () => heard.length > 0);
  const idsOf = async (state: 'pending' | 'running') => {
    const ids: string[] = [];
    for await (const { id } of pool.tasks({ state })) ids.push(id);
    return ids;
  };
  expect(await idsOf('running')).toEqual([running.id]);
  expect(await idsOf('pending')).toEqual([next.id]);
  expect((await next.explain()).standing).toMatch(/^no worker is free/);
  writeFileSync(gate, '');
  await next.result();
  await listening;
  expect(heard.slice(0, 2)).toEqual(['pending', 'running']);
}, 60_000);
