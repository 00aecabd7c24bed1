import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type MapOptions, type Pool, startPool } from 'offhand';
import { isAlive, poolError, rejection, temporaryFolder, until } from './support.js';

const double = (n: number) => n * 2;
const sleepThenReturn = (ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));

let pool: Pool;
const folder = temporaryFolder();
beforeAll(async () => {
  pool = await startPool({ workers: 2 });
  await Promise.all([pool.run(sleepThenReturn, 50), pool.run(sleepThenReturn, 50)]);
});
afterAll(async () => {
  await pool.close();
  folder.remove();
});

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const result of results) seen.push(result);
  return seen;
}

describe('results', () => {
  test('come in the order of the input', async () => {
    expect(await all(pool.map(sleepThenReturn, [90, 1, 40, 2]))).toEqual([90, 1, 40, 2]);
  });

  test('with ordered: false come as they are ready', async () => {
    expect(await all(pool.map(sleepThenReturn, [300, 1, 2, 3], { ordered: false }))).toEqual([1, 2, 3, 300]);
  });

  test('of an empty input are none', async () => {
    expect(await all(pool.map(double, []))).toEqual([]);
  });

  test('of a set, a generator and an async generator are the same', async () => {
    function* three() {
      yield* [1, 2, 3];
    }
    async function* later() {
      yield* [1, 2, 3];
    }
    expect(await all(pool.map(double, new Set([1, 2, 3])))).toEqual([2, 4, 6]);
    expect(await all(pool.map(double, three()))).toEqual([2, 4, 6]);
    expect(await all(pool.map(double, later()))).toEqual([2, 4, 6]);
  });
});

describe('concurrency', () => {
  // Each call writes down when it began and ended, on the clock that all processes of a machine share.
  const timed = (ms: number) => {
    const begun = Number(process.hrtime.bigint());
    const end = performance.now() + ms;
    while (performance.now() < end);
    return { begun, ended: Number(process.hrtime.bigint()), pid: process.pid };
  };
  const overlap = (spans: { begun: number; ended: number }[]) =>
    Math.max(
      ...spans.map(({ begun }) => spans.filter((one) => one.begun <= begun && begun < one.ended).length),
    );

  test('1 runs one call at a time', async () => {
    const spans = await all(pool.map(timed, Array<number>(6).fill(15), { concurrency: 1 }));
    expect(overlap(spans)).toBe(1);
  });

  test('uses every worker unless told otherwise, and each for one call at a time', async () => {
    const spans = await all(pool.map(timed, Array<number>(12).fill(25)));
    expect(overlap(spans)).toBe(2);
    const pids = new Set(spans.map((span) => span.pid));
    expect(pids.size).toBe(2);
    for (const pid of pids) expect(overlap(spans.filter((span) => span.pid === pid))).toBe(1);
  });

  test('an async input is read no faster than results are taken', async () => {
    let read = 0;
    async function* endless() {
      for (;;) yield read++;
    }
    let taken = 0;
    for await (const _ of pool.map(double, endless(), { concurrency: 2 })) {
      taken++;
      expect(read).toBeLessThanOrEqual(taken + 2 * 4 + 1);
      if (taken === 30) break;
    }
  });
});

describe('failures', () => {
  const failAt3 = (n: number) => {
    if (n === 3) throw new RangeError('three');
    return n;
  };

  test('the first one stops the rest and is thrown after the results before it', async () => {
    let read = 0;
    function* endless() {
      for (;;) yield read++;
    }
    const seen: number[] = [];
    const error = await rejection(
      (async () => {
        for await (const n of pool.map(failAt3, endless(), { concurrency: 2 })) seen.push(n);
      })(),
    );
    expect(error).toMatchObject({ name: 'RangeError', message: 'three' });
    expect(seen).toEqual([0, 1, 2]);
    expect(read).toBeLessThan(12);
  });

  test('what runs is awaited: it finishes its work before the failure is thrown', async () => {
    const file = join(folder.path, 'finished');
    const work = async ({ fails, path }: { fails: boolean; path: string }) => {
      if (fails) throw new Error('at once');
      await new Promise((resolve) => setTimeout(resolve, 250));
      (await import('node:fs')).writeFileSync(path, 'finished');
    };
    const input = [
      { fails: true, path: file },
      { fails: false, path: file },
    ];
    expect(await rejection(all(pool.map(work, input)))).toMatchObject({ message: 'at once' });
    expect(readFileSync(file, 'utf8')).toBe('finished');
  });

  test("errors: 'collect' yields them in place of the results", async () => {
    const results = await all(pool.map(failAt3, [2, 3, 4], { errors: 'collect' }));
    expect(results).toEqual([2, expect.objectContaining({ message: 'three' }), 4]);
    expect(results[1]).toBeInstanceOf(RangeError);
  });

  test('an input that throws ends the map after what was read', async () => {
    async function* broken() {
      yield 1;
      throw new Error('the file ended early');
    }
    const seen: number[] = [];
    const error = await rejection(
      (async () => {
        for await (const n of pool.map(double, broken())) seen.push(n);
      })(),
    );
    expect(error).toMatchObject({ message: 'the file ended early' });
    expect(seen).toEqual([2]);
  });

  test('an item that cannot be copied says which part of it', async () => {
    const error = await poolError(all(pool.map((item: unknown) => item, [{ done: () => 1 }])));
    expect(error).toMatchObject({ code: 'not-cloneable' });
    expect(error.message).toMatch(/arguments\[0\]\.done is a function/);
  });
});

describe('leaving the loop', () => {
  const hold = (n: number) => {
    if (n === 0) return process.pid;
    for (;;);
  };

  test('break stops what runs, returns the input, and leaves the pool usable', async () => {
    let isReturned = false;
    function* endless() {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        isReturned = true;
      }
    }
    for await (const pid of pool.map(hold, endless(), { concurrency: 4 })) {
      expect(isAlive(pid)).toBe(true);
      break;
    }
    expect(isReturned).toBe(true);
    expect(await all(pool.map(double, [1, 2, 3, 4]))).toEqual([2, 4, 6, 8]);
  });

  test('a signal ends the map in `cancelled`', async () => {
    const controller = new AbortController();
    const results = pool.with({ signal: controller.signal }).map(hold, [0, 1, 2]);
    expect((await results.next()).done).toBe(false);
    const next = poolError(results.next());
    setTimeout(() => controller.abort(), 50);
    expect(await next).toMatchObject({ code: 'cancelled' });
  });

  test('a limit of the pool holds for each call', async () => {
    const results = pool.with({ timeoutMs: 60 }).map(hold, [1, 0], { errors: 'collect' });
    expect(await all(results)).toEqual([expect.objectContaining({ code: 'timeout' }), expect.any(Number)]);
  });

  test('closing the pool ends the map in `closed`', async () => {
    const own = await startPool({ workers: 1 });
    const results = own.map(hold, [0, 1, 2]);
    const pid = (await results.next()).value as number;
    const next = poolError(results.next());
    await own.close();
    expect(await next).toMatchObject({ code: 'closed' });
    await until('its worker is gone', () => !isAlive(pid));
  });
});

describe('bad input is refused at the call', () => {
  const refusals: [input: unknown, options: unknown, message: RegExp][] = [
    [5, {}, /^pool\.map: expected an iterable or async iterable, got 5$/],
    [null, {}, /^pool\.map: expected an iterable or async iterable, got null$/],
    [{ length: 1 }, {}, /^pool\.map: expected an iterable or async iterable, got an object$/],
    [
      [1],
      { concurency: 1 },
      /^pool\.map: unknown option concurency; there are concurrency, ordered, errors$/,
    ],
    [[1], { concurrency: 0 }, /^concurrency: expected a whole number, 1 or more, got 0$/],
    [[1], { concurrency: 1.5 }, /^concurrency: expected a whole number, 1 or more, got 1\.5$/],
    [[1], { errors: 'ignore' }, /^errors: expected 'throw' or 'collect', got "ignore"$/],
    [[1], { ordered: 'no' }, /^ordered: expected true or false, got "no"$/],
  ];
  test.each(refusals)('%p, %p', (input, options, message) => {
    const attempt = () => pool.map(double, input as number[], options as MapOptions);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });
});
