import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Pool, type TaskEvent, type TaskHandle } from 'offhand';
import { poolError, temporaryFolder } from '../client/support.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

const sandbox = new Sandbox();
const folder = temporaryFolder();
const flags = ['1', '--no-profile', '--store', 'file:queue'];
let server: TestServer;
let pool: Pool;
const dial = () => connect(server.address, { token: server.token });
beforeAll(async () => {
  server = await startServer(sandbox, flags);
  pool = await dial();
});
afterAll(async () => {
  await pool.close();
  await sandbox[Symbol.asyncDispose]();
  folder.remove();
});

/** Tells something, waits for a file, and tells the rest. */
const talk = async (gate: string) => {
  const { existsSync } = process.getBuiltinModule('node:fs');
  console.log('begun');
  console.error('to stderr');
  __offhand.progress(0.5, 'half');
  while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 10));
  console.log('ended');
  return __offhand.taskId;
};
const inShort = (event: TaskEvent) =>
  event.type === 'state'
    ? event.state
    : event.type === 'log'
      ? `${event.stream}: ${event.text}`
      : `${event.fraction} ${event.note}`;
async function heard(task: TaskHandle, act: (short: string) => void = () => undefined): Promise<string[]> {
  const all: string[] = [];
  for await (const event of task) {
    all.push(inShort(event));
    act(inShort(event));
  }
  return all;
}
const printed = async (task: TaskHandle) => (await task.logs()).map(({ text }) => text);

describe('what a submitted task tells', () => {
  test('is heard while it runs, by whoever comes later too, and before its end', async () => {
    const gate = join(folder.path, 'gate 1');
    const task = await pool.submit(talk, [gate]);
    const first = heard(task);
    await waitFor('it to tell', async () => (await task.logs()).length === 2);
    await using other = await dial();
    const late = heard(other.task(task.id), (short) => {
      if (short === '0.5 half') writeFileSync(gate, '');
    });
    const told = ['stdout: begun', 'stderr: to stderr', '0.5 half', 'stdout: ended', 'succeeded'];
    expect(await late).toEqual(['running', ...told]);
    expect((await first).slice(-5)).toEqual(told);
    expect(await task.result()).toBe(task.id);
  });

  test('is kept: the end of it, with its outcome', async () => {
    const task = await pool.submit(
      (lines: number) => {
        for (let line = 1; line <= lines; line++) console.log(`${line} `.padEnd(1_000, '.'));
      },
      [200],
    );
    await task.result();
    const lines = await task.logs();
    expect(lines.length).toBe(65);
    expect(lines.at(-1)).toMatchObject({ number: 200, attempt: 1, stream: 'stdout' });
    expect(lines[0]?.text).toMatch(/^136 \.+$/);
    const events = await heard(task);
    expect(events.slice(-1)).toEqual(['succeeded']);
    expect(events.length).toBeGreaterThanOrEqual(65);
  });

  test('is that of a task that failed, too', async () => {
    const task = await pool.submit(() => {
      console.log('about to');
      throw new Error('no');
    }, []);
    await expect(task.result()).rejects.toThrow('no');
    expect(await heard(task)).toEqual(['stdout: about to', 'failed']);
  });

  test('outlives the server with it, and an attempt that was cut short leaves nothing', async () => {
    await using ownSandbox = new Sandbox();
    const first = await startServer(ownSandbox, [...flags, '--coordinator-timeout', '1s']);
    const gate = join(folder.path, 'gate 2');
    let ids: string[];
    {
      await using before = await connect(first.address, { token: first.token });
      const over = await before.submit(() => console.log('before'), []);
      await over.result();
      const running = await before.submit(talk, [gate]);
      await waitFor('it to tell', async () => (await running.logs()).length === 2);
      ids = [over.id, running.id];
    }
    first.kill();
    await first.ended;
    const second = await startServer(ownSandbox, flags);
    await using after = await connect(second.address, { token: second.token });
    const [over, running] = ids.map((id) => after.task(id)) as [TaskHandle, TaskHandle];
    expect(await printed(over)).toEqual(['before']);
    const told = await heard(running, (short) => {
      if (short === '0.5 half') writeFileSync(gate, '');
    });
    expect(told.slice(-3)).toEqual(['0.5 half', 'stdout: ended', 'succeeded']);
    const kept = (await running.logs()).map(({ attempt, text }) => [attempt, text]);
    expect(kept).toEqual([
      [2, 'begun'],
      [2, 'to stderr'],
      [2, 'ended'],
    ]);
  }, 40_000);
});

test('a task that prints without end leaves the pool to others', async () => {
  const chatty = await pool.submit(
    async (lines: number) => {
      for (let line = 0; line < lines; line++) {
        console.log(`line ${line}`);
        if (line % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    [50_000],
  );
  await chatty.result();
  const lines = await chatty.logs();
  expect(lines.at(-1)?.text).toBe('line 49999');
  expect(lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(64 * 1024);
});

test('there is nothing of a task that nobody knows, and nothing of one that told nothing', async () => {
  expect((await poolError(pool.task('a'.repeat(20)).logs())).code).toBe('not-found');
  const silent = await pool.submit(() => 1, []);
  expect(await silent.logs()).toEqual([]);
  await silent.result();
  expect(await heard(silent)).toEqual(['succeeded']);
});
