import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CallOptions, type Pool, startPool } from 'offhand';
import { waitFor } from '../support/wait.js';
import { poolError, temporaryFolder } from './support.js';

const spin = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return 'done';
};
const spinForever = () => {
  for (;;);
};

let pool: Pool;
beforeAll(async () => {
  pool = await startPool({ workers: 1 });
});
afterAll(() => pool.close());

async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

describe('timeoutMs', () => {
  test('stops a busy loop, and the slot is usable afterwards', async () => {
    const error = await poolError(pool.with({ timeoutMs: 50 }).run(spinForever));
    expect(error).toMatchObject({ code: 'timeout', mayHaveRun: true });
    expect(error.message).toBe('`spinForever` ran longer than its timeoutMs of 50');
    expect(await pool.run(spin, 0)).toBe('done');
  });

  test('stops a promise that never settles', async () => {
    expect(
      await poolError(
        pool.with({ timeoutMs: 30 }).run(() => new Promise(() => setInterval(() => {}, 60_000))),
      ),
    ).toMatchObject({
      code: 'timeout',
    });
  });

  test('does not count the time spent waiting', async () => {
    const limited = pool.with({ timeoutMs: 400 });
    const first = pool.run(spin, 500);
    expect(await limited.run(spin, 1)).toBe('done');
    await first;
  });

  test.each([2 ** 31, 1e12, Infinity])('of %p ms is no limit that a task would notice', async (timeoutMs) => {
    const sleep = () => new Promise((resolve) => setTimeout(resolve, 60, 'done'));
    expect(await pool.with({ timeoutMs }).run(sleep)).toBe('done');
  });
});

describe('queueTimeoutMs', () => {
  test('ends a call that waits too long; it certainly has not run', async () => {
    const first = pool.run(spin, 400);
    const error = await poolError(pool.with({ queueTimeoutMs: 40 }).run(spin, 0));
    expect(error).toMatchObject({ code: 'queue-timeout', mayHaveRun: false });
    expect(error.message).toBe('`spin`: no worker was free within its queueTimeoutMs of 40');
    await first;
  });

  test('does not count the time spent running', async () => {
    await pool.run(spin, 0);
    expect(await pool.with({ queueTimeoutMs: 400 }).run(spin, 500)).toBe('done');
  });

  test('of more than 2^31 ms is not over at once', async () => {
    const first = pool.run(spin, 100);
    expect(await pool.with({ queueTimeoutMs: 2 ** 31 }).run(spin, 0)).toBe('done');
    await first;
  });
});

describe('deadlineMs', () => {
  test('ends a call that still waits', async () => {
    const first = pool.run(spin, 400);
    expect(await poolError(pool.with({ deadlineMs: 40 }).run(spin, 0))).toMatchObject({
      code: 'deadline-exceeded',
      mayHaveRun: false,
    });
    await first;
  });

  test('ends one that runs, and frees its slot', async () => {
    expect(await poolError(pool.with({ deadlineMs: 100 }).run(spinForever))).toMatchObject({
      code: 'deadline-exceeded',
      mayHaveRun: true,
    });
    expect(await pool.run(spin, 0)).toBe('done');
  });
});

describe('a signal', () => {
  test('aborted beforehand: the function never begins', async () => {
    const signal = AbortSignal.abort(new Error('changed my mind'));
    const error = await poolError(pool.with({ signal }).run(spinForever));
    expect(error).toMatchObject({ code: 'cancelled', mayHaveRun: false });
    expect(error.cause).toMatchObject({ message: 'changed my mind' });
  });

  test('aborted while the call waits takes it out of the line', async () => {
    const controller = new AbortController();
    const first = pool.run(spin, 300);
    const second = pool.with({ signal: controller.signal }).run(spinForever);
    controller.abort();
    expect(await poolError(second)).toMatchObject({ code: 'cancelled', mayHaveRun: false });
    expect(await first).toBe('done');
    expect(await elapsedMs(pool.run(spin, 0))).toBeLessThan(3_000);
  });

  test('aborted right after the call does not keep a worker from the next one', async () => {
    const controller = new AbortController();
    const cancelled = poolError(pool.with({ signal: controller.signal }).run(spinForever));
    controller.abort();
    expect(await cancelled).toMatchObject({ code: 'cancelled', mayHaveRun: false });
    expect(await elapsedMs(pool.run(spin, 0))).toBeLessThan(3_000);
  });

  test('aborted while it runs stops a busy loop, and that one alone', async () => {
    const folder = temporaryFolder();
    const begun = join(folder.path, 'begun');
    const controller = new AbortController();
    const limited = pool.with({ signal: controller.signal, name: 'endless' });
    const endless = poolError(
      limited.run(async (file: string) => {
        (await import('node:fs')).writeFileSync(file, '');
        for (;;);
      }, begun),
    );
    const other = pool.run(spin, 5);
    await waitFor('the loop to run', () => existsSync(begun));
    controller.abort();
    const error = await endless;
    expect(error).toMatchObject({ code: 'cancelled', mayHaveRun: true });
    expect(error.message).toBe('`endless` was cancelled');
    expect(await other).toBe('done');
    folder.remove();
  });

  test('aborted at the instant a worker becomes free does not keep that worker from the next call', async () => {
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      const controller = new AbortController();
      const first = pool.run(spin, 10);
      const second = pool.with({ signal: controller.signal }).run(spin, 1);
      void first.then(() => setTimeout(() => controller.abort(), 0));
      await Promise.allSettled([first, second]);
      waits.push(await elapsedMs(pool.run(spin, 1)));
      if (waits.some((ms) => ms > 3_000)) break;
    }
    expect(Math.max(...waits)).toBeLessThan(3_000);
  });
});

describe('options are checked when they are given', () => {
  const refusals: [given: unknown, message: RegExp][] = [
    [{ timoutMs: 5 }, /^pool\.with: unknown option timoutMs; there are timeoutMs, queueTimeoutMs/],
    [{ timeoutMs: 0 }, /^timeoutMs: expected a number of ms above 0, got 0$/],
    [{ timeoutMs: '5s' }, /^timeoutMs: expected a number of ms above 0, got "5s"$/],
    [{ timeoutMs: NaN }, /^timeoutMs: expected a number of ms above 0, got NaN$/],
    [{ timeoutMs: 5n }, /^timeoutMs: expected a number of ms above 0, got 5n?$/],
    [{ deadlineMs: -1 }, /^deadlineMs: expected a number of ms above 0, got -1$/],
    [{ queueTimeoutMs: null }, /^queueTimeoutMs: expected a number of ms above 0, got null$/],
    [{ signal: {} }, /^signal: expected an AbortSignal, got an object$/],
  ];
  test.each(refusals)('%p', (given, message) => {
    const attempt = () => pool.with(given as CallOptions);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  test('no options at all', () => {
    expect(() => pool.with(null as unknown as CallOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });

  test('with() adds to what the pool has, and leaves the pool as it was', async () => {
    const named = pool.with({ timeoutMs: 40 }).with({ name: 'report' });
    expect(await poolError(named.run(spinForever))).toMatchObject({
      code: 'timeout',
      message: '`report` ran longer than its timeoutMs of 40',
    });
    expect(await pool.run(spin, 60)).toBe('done');
  });
});

describe('close', () => {
  test('pending calls end in `closed`, later ones are refused, and asking twice is harmless', async () => {
    const own = await startPool({ workers: 1 });
    const [running, waiting] = [own.run(spinForever), own.run(spin, 0)];
    const outcomes = Promise.all([poolError(running), poolError(waiting)]);
    await Promise.all([own.close(), own.close()]);
    await own.close();
    expect((await outcomes).map((error) => error.code)).toEqual(['closed', 'closed']);
    expect(await poolError(own.run(spin, 0))).toMatchObject({ code: 'closed', mayHaveRun: false });
    expect(await poolError(own.with({ name: 'x' }).run(spin, 0))).toMatchObject({ code: 'closed' });
  });
});

describe('a pool without any worker', () => {
  test('has calls wait up to their queueTimeoutMs, which then ends in `unavailable`', async () => {
    await using empty = await startPool({ workers: 1 });
    const patient = empty.with({ retries: 0 });
    // From the third death within ten seconds on, the next process is started only after a while.
    for (let death = 1; death <= 3; death++)
      await poolError(patient.run(() => void process.kill(process.pid, 'SIGKILL')));
    const error = await poolError(empty.with({ queueTimeoutMs: 50 }).run(spin, 0));
    expect(error).toMatchObject({ code: 'unavailable', mayHaveRun: false });
    expect(error.message).toBe('`spin`: the pool had no worker at all within its queueTimeoutMs of 50');
    expect(await empty.run(spin, 0)).toBe('done');
  });
});
