import type Path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { poolError, rejection, startScript } from './support.js';

// Everything here holds of a pool of processes too; run both to see that they agree.
describe.each([true, false])('with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
  });
  afterAll(() => pool.close());

  test('results are the same', async () => {
    expect(await pool.run((a: number, b: number = 2) => a + b, 1)).toBe(3);
    expect(await pool.run(async () => Promise.resolve(new Map([[1n, new Date(0)]])))).toEqual(
      new Map([[1n, new Date(0)]]),
    );
    const seen: number[] = [];
    for await (const n of pool.map((k: number) => k * k, [1, 2, 3])) seen.push(n);
    expect(seen).toEqual([1, 4, 9]);
  });

  test('arguments and results are copies', async () => {
    const given = { list: [1] };
    const result = await pool.run((value: typeof given) => {
      value.list.push(2);
      return value;
    }, given);
    expect(result).toEqual({ list: [1, 2] });
    expect(given).toEqual({ list: [1] });
  });

  test('errors arrive as they were thrown, as copies', async () => {
    const error = await rejection(
      pool.run(() => {
        throw Object.assign(new TypeError('x', { cause: 1n }), { code: 'E', socket: () => 1 });
      }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'x', cause: 1n, code: 'E' });
    expect(error).not.toHaveProperty('socket');
  });

  test('what cannot be copied is thrown in words', async () => {
    const error = await rejection(
      pool.run(() => {
        throw function nameless() {};
      }),
    );
    expect(error).toMatchObject({ name: 'Error', message: '[Function: nameless]' });
  });

  const sleep = (ms: number) => new Promise<string>((resolve) => setTimeout(resolve, ms, 'slept'));
  const refusals: [code: string, mayHaveRun: boolean, call: () => Promise<unknown>][] = [
    [
      'not-cloneable',
      false,
      () =>
        pool.run(
          (f: () => number) => f,
          () => 1,
        ),
    ],
    ['not-cloneable', true, () => pool.run(() => () => 1)],
    ['not-shippable', false, () => pool.run(Math.max, 1)],
    ['not-shippable', false, () => pool.run(class {} as unknown as () => void)],
    ['timeout', true, () => pool.with({ timeoutMs: 20 }).run(sleep, 500)],
    ['cancelled', false, () => pool.with({ signal: AbortSignal.abort() }).run(sleep, 500)],
  ];
  test.each(refusals)('ends in %p (may have run: %p)', async (code, mayHaveRun, call) => {
    expect(await poolError(call())).toMatchObject({ code, mayHaveRun });
  });

  test('a deadline and a signal end a call that runs', async () => {
    expect(await poolError(pool.with({ deadlineMs: 60 }).run(sleep, 2_000))).toMatchObject({
      code: 'deadline-exceeded',
    });
    const controller = new AbortController();
    const call = poolError(pool.with({ signal: controller.signal }).run(sleep, 2_000));
    setTimeout(() => controller.abort(), 60);
    expect(await call).toMatchObject({ code: 'cancelled' });
  });

  test('a signal aborted right after the call ends it', async () => {
    const controller = new AbortController();
    const call = pool.with({ signal: controller.signal }).run(sleep, 300);
    controller.abort();
    expect(await poolError(call)).toMatchObject({ code: 'cancelled' });
  });

  test('messages use the name that was given', async () => {
    const error = await poolError(pool.with({ name: 'nightly', timeoutMs: 20 }).run(sleep, 500));
    expect(error.message).toBe('`nightly` ran longer than its timeoutMs of 20');
  });

  test('require() is there inside a function', async () => {
    const pathOf = () => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- that is what is tried
      return (require('node:path') as typeof Path).posix.sep;
    };
    expect(await pool.run(pathOf)).toBe('/');
  });

  test('closing it ends what is pending in `closed`, and refuses what comes later', async () => {
    const own = await startPool({ workers: 1, inline });
    const pending = poolError(own.run(sleep, 400));
    await own.close();
    expect(await poolError(own.run(sleep, 1))).toMatchObject({ code: 'closed' });
    expect(await pending).toMatchObject({ code: 'closed' });
  });
});

test('inline, the function runs in the caller’s own process', async () => {
  await using pool = await startPool({ inline: true });
  expect(await pool.run(() => process.pid)).toBe(process.pid);
});

test('OFFHAND_INLINE=1 does the same to startPool and to connect', async () => {
  const { ended } = startScript('inline-by-environment.mjs', { env: { OFFHAND_INLINE: '1' } });
  expect(await ended).toEqual({ code: 0, signal: null, out: 'true\ntrue\n', err: '' });
});
