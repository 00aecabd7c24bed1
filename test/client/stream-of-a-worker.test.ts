import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';
import { all, folder, newFile, read, upTo } from './streamed.js';
import { poolError, startScript } from './support.js';

afterAll(() => folder.remove());

describe('a stream of a worker', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1 });
  });
  afterAll(() => pool.close());

  test('leaves its thread as it was, for the next call', async () => {
    await pool.run(() => void Object.assign(globalThis, { mark: 'here' }));
    for await (const value of pool.stream(upTo, 1_000_000)) if (value === 2) break;
    expect(await pool.run(() => (globalThis as { mark?: string }).mark)).toBe('here');
  });

  test('each value arrives before the next is made', async () => {
    const gate = newFile();
    const waits = function* (path: string) {
      yield 'first';
      const { existsSync: isThere } = process.getBuiltinModule('node:fs');
      while (!isThere(path));
      yield 'second';
    };
    const values = pool.stream(waits, gate);
    expect((await values.next()).value).toBe('first');
    const second = values.next();
    writeFileSync(gate, '');
    expect((await second).value).toBe('second');
    await values.return();
  });

  test('values of any size and number come', async () => {
    const large = function* () {
      for (let i = 0; i < 6; i++) yield Buffer.alloc(5_000_000, i);
    };
    let next = 0;
    for await (const value of pool.stream(large))
      expect([value.length, value[0]]).toEqual([5_000_000, next++]);
    expect(next).toBe(6);
    expect((await all(pool.stream(upTo, 5_000))).at(-1)).toBe(5_000);
  });

  test('one that does not return when the loop is left is stopped after cancelGraceMs', async () => {
    const stuck = function* () {
      yield process.pid;
      for (;;);
    };
    const patient = pool.with({ cancelGraceMs: 50 });
    const leave = async () => {
      for await (const value of patient.stream(stuck)) if (value) break;
    };
    await within(10_000, 'the loop to be left', leave());
    expect(await pool.run(() => 'free')).toBe('free');
  });

  test('code that hears its signal ends by that', async () => {
    const file = newFile();
    const listens = async function* (path: string) {
      const { signal } = __offhand;
      yield 1;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      (await import('node:fs')).writeFileSync(path, (signal.reason as { code: string }).code);
    };
    for await (const value of pool.with({ cancelGraceMs: 300 }).stream(listens, file)) if (value) break;
    await waitFor('its signal', () => read(file) === 'cancelled');
  });

  test('a loss of the worker before the first value is tried again, one after it is not', async () => {
    const dies = async function* (path: string, values: number) {
      const { appendFileSync } = await import('node:fs');
      appendFileSync(path, 'begun ');
      for (let i = 0; i < values; i++) yield i;
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (__offhand.attempt === 1) process.kill(process.pid, 'SIGKILL');
      yield 'whole';
    };
    const before = newFile();
    expect(await all(pool.stream(dies, before, 0))).toEqual(['whole']);
    expect(read(before)).toBe('begun begun ');

    const after = newFile();
    const seen: unknown[] = [];
    const loop = async () => {
      for await (const value of pool.with({ retries: 5 }).stream(dies, after, 1)) seen.push(value);
    };
    expect(await poolError(loop())).toMatchObject({ code: 'worker-lost', mayHaveRun: true });
    expect(seen).toEqual([0]);
    expect(read(after)).toBe('begun ');

    expect(await poolError(all(pool.with({ retries: 0 }).stream(dies, newFile(), 0)))).toMatchObject({
      code: 'worker-lost',
    });
  });

  test('one that waits for what can never come ends in exited', async () => {
    const hopeless = async function* () {
      yield 1;
      await new Promise(() => {});
    };
    const values = pool.stream(hopeless);
    await values.next();
    expect(await poolError(values.next())).toMatchObject({ code: 'exited' });
  });

  test('an uncaught error of what it has started ends it', async () => {
    const careless = async function* () {
      yield 1;
      setTimeout(() => {
        throw new Error('from a timer');
      });
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    };
    const values = pool.stream(careless);
    await values.next();
    expect(await poolError(values.next())).toMatchObject({ code: 'exited' });
    expect(await pool.run(() => 'free')).toBe('free');
  });

  test('what runs too long without yielding is ended by timeoutMs', async () => {
    const stuck = function* () {
      yield 1;
      for (;;);
    };
    const values = pool.with({ timeoutMs: 100, cancelGraceMs: 50 }).stream(stuck);
    await values.next();
    expect(await poolError(values.next())).toMatchObject({ code: 'timeout' });
    expect(await pool.run(() => 'free')).toBe('free');
  });
});

test('a reader that dies ends its generator, whose finally block runs', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1']);
  const file = newFile();
  const reader = startScript('reads-a-stream.mjs', {
    args: [file],
    env: { ...sandbox.env, OFFHAND_ADDRESS: server.address },
  });
  await waitFor('the reader to read', () => reader.out().includes('read'));
  reader.kill('SIGKILL');
  await waitFor('its end', () => read(file) === 'end');
  await server.stop();
});
