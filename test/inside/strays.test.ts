import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { poolError } from '../client/support.js';
import { waitFor } from '../support/wait.js';

let pool: Pool;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
  pool = await startPool({ workers: 1, logDir: folder });
});
afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

const log = () => readFileSync(join(folder, 'worker-1.log'), 'utf8');
const lateLines = () =>
  log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { task?: string; error?: string; msg: string })
    .filter(({ msg }) => msg === 'after its task had ended');

describe('a promise that nothing is left to settle', () => {
  test('ends its task, and its thread goes on', async () => {
    await pool.run(() => void Object.assign(globalThis, { same: true }));
    const forgets = () => new Promise(() => undefined);
    const error = await poolError(pool.run(forgets));
    expect(error).toMatchObject({ code: 'exited', mayHaveRun: true });
    expect(error.message).toBe(
      '`forgets` waits for a promise that nothing is left to settle: no timer, no connection, no file',
    );
    expect(await pool.run(() => 'same' in globalThis)).toBe(true);
  });

  test('is none while anything is under way, also what stands in no list of open handles', async () => {
    const zip = async (bytes: number) => {
      const { gzip } = await import('node:zlib');
      const { scrypt } = await import('node:crypto');
      const zipped = new Promise<number>((resolve) =>
        gzip(Buffer.alloc(bytes), (_, data) => resolve(data.length)),
      );
      const derived = new Promise<number>((resolve) =>
        scrypt('word', 'salt', 16, (_, key) => resolve(key.length)),
      );
      return (await zipped) > 0 && (await derived) === 16;
    };
    expect(await pool.run(zip, 5_000_000)).toBe(true);
    expect(await pool.run(() => new Promise((resolve) => setTimeout(resolve, 30, 'timer')))).toBe('timer');
  });

  test('is none for code that waits for its signal', async () => {
    const waits = () => new Promise((resolve) => __offhand.signal.addEventListener('abort', resolve));
    expect(await poolError(pool.with({ timeoutMs: 100 }).run(waits))).toMatchObject({ code: 'timeout' });
  });

  test('does not stop those of a list behind it', async () => {
    const some = (n: number) => (n % 2 ? new Promise<number>(() => undefined) : Promise.resolve(n));
    const results: unknown[] = [];
    for await (const each of pool.map(some, [1, 2, 3, 4], { errors: 'collect' }))
      results.push(each instanceof Error ? (each as { code?: string }).code : each);
    expect(results).toEqual(['exited', 2, 'exited', 4]);
  });
});

describe('an error that nobody catches', () => {
  test.each<[string, () => unknown]>([
    [
      'in a timer',
      () => {
        setTimeout(() => {
          throw Object.assign(new TypeError('left'), { field: 1n });
        });
        return new Promise((resolve) => setTimeout(resolve, 5_000));
      },
    ],
    [
      'in a rejection',
      () => {
        void Promise.reject(Object.assign(new TypeError('left'), { field: 1n }));
        return new Promise((resolve) => setTimeout(resolve, 5_000));
      },
    ],
  ])('%s ends its own task, as its cause', async (_where, fn) => {
    const error = await poolError(pool.with({ name: 'leaves' }).run(fn));
    expect(error).toMatchObject({ code: 'exited', mayHaveRun: true });
    expect(error.message).toBe('`leaves` left an error that nobody caught: left; await all that it starts');
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(error.cause).toMatchObject({ message: 'left', field: 1n });
    expect((error.cause as Error).stack).toMatch(/strays\.test\.ts:\d+/);
  });

  test.each<[string, () => string, RegExp]>([
    [
      'a timer',
      () => {
        setTimeout(() => {
          throw new Error('late, in a timer');
        }, 10);
        return __offhand.taskId;
      },
      /late, in a timer/,
    ],
    [
      'a rejection',
      () => {
        setTimeout(() => void Promise.reject(new Error('late, rejected')), 10);
        return __offhand.taskId;
      },
      /late, rejected/,
    ],
    [
      'process.exit',
      () => {
        setTimeout(() => process.exit(1), 10);
        return __offhand.taskId;
      },
      /process\.exit\(1\) when its task had ended/,
    ],
  ])('from %s of a task that has ended is logged as its own, and fails no other', async (_, fn, words) => {
    await pool.run(() => void Object.assign(globalThis, { still: 'here' }));
    const task = await pool.run(fn);
    const wait = () => new Promise((resolve) => setTimeout(resolve, 60, 'undisturbed'));
    expect(await pool.run(wait)).toBe('undisturbed');
    await waitFor('the line in the log', () => lateLines().some(({ error }) => words.test(error ?? '')));
    expect(lateLines().find(({ error }) => words.test(error ?? ''))).toMatchObject({ task });
    expect(await pool.run(() => (globalThis as { still?: string }).still)).toBe('here');
  });
});

describe('isolate', () => {
  const count = () => {
    const state = globalThis as { runs?: number };
    return (state.runs = (state.runs ?? 0) + 1);
  };

  test('gives a call a thread in which nothing has run, and which nothing runs in later', async () => {
    await using own = await startPool({ workers: 1 });
    const isolated = own.with({ isolate: true });
    expect(await own.run(count)).toBe(1);
    expect([await isolated.run(count), await isolated.run(count)]).toEqual([1, 1]);
    expect(await own.run(count)).toBe(2);
    expect(await Promise.all([1, 2, 3].map(() => isolated.run(count)))).toEqual([1, 1, 1]);
  });

  test('leaves results, errors and limits as they are', async () => {
    const isolated = pool.with({ isolate: true });
    const big = new Uint8Array(2_000_000).fill(7);
    expect(await isolated.run((bytes: Uint8Array) => new Map([['size', bytes.length]]), big)).toEqual(
      new Map([['size', 2_000_000]]),
    );
    await expect(
      isolated.run(() => {
        throw new RangeError('far');
      }),
    ).rejects.toMatchObject({ name: 'RangeError', stack: expect.stringContaining('strays.test.ts') });
    const spin = () => {
      for (;;);
    };
    expect(await poolError(isolated.with({ timeoutMs: 150 }).run(spin))).toMatchObject({ code: 'timeout' });
    expect(await poolError(isolated.run(() => process.exit(3)))).toMatchObject({ code: 'exited' });
    expect(await poolError(isolated.run(() => new Promise(() => undefined)))).toMatchObject({
      code: 'exited',
    });
    expect(await poolError(isolated.run(() => () => 1))).toMatchObject({ code: 'not-cloneable' });
  });

  test('lets code end by its signal, and goes on', async () => {
    const tidy = async () => {
      const { signal } = __offhand;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    const isolated = pool.with({ isolate: true, timeoutMs: 300, cancelGraceMs: 60_000 });
    expect(await poolError(isolated.run(tidy))).toMatchObject({ code: 'timeout' });
    expect(await pool.run(() => 'next')).toBe('next');
  });

  test('tells progress, and what is printed, like any other', async () => {
    const heard: unknown[] = [];
    const tell = () => {
      __offhand.progress(0.5);
      console.log('printed');
    };
    await pool
      .with({
        isolate: true,
        onProgress: (fraction) => heard.push(fraction),
        logs: ({ text }) => heard.push(text),
      })
      .run(tell);
    expect(heard).toEqual([0.5, 'printed']);
  });
});
