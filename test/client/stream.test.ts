import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { waitFor } from '../support/wait.js';
import { all, folder, newFile, read, upTo, written } from './streamed.js';
import { poolError, rejection } from './support.js';

afterAll(() => folder.remove());

describe.each([false, true])('a stream, with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 2, inline });
  });
  afterAll(() => pool.close());

  test('yields what any kind of function makes, in its order', async () => {
    const makes = {
      *method(this: void, n: number) {
        yield* [n, n + 1];
      },
    };
    async function* later(n: number) {
      for (let i = 0; i < n; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        yield { i };
      }
    }
    expect(await all(pool.stream(upTo, 100))).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(await all(pool.stream(later, 3))).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    expect(await all(pool.stream(makes.method, 7))).toEqual([7, 8]);
    expect(await all(pool.stream(() => ['an', 'array']))).toEqual(['an', 'array']);
    expect(await all(pool.stream(upTo, 0))).toEqual([]);
    const promises = function* () {
      yield Promise.resolve(1);
      yield undefined;
    };
    expect(await all(pool.stream(promises))).toEqual([1, undefined]);
    const readable = async () => {
      const { Readable } = await import('node:stream');
      return Readable.from([Buffer.from('a'), Buffer.from('b')]);
    };
    expect(await all(pool.stream(readable))).toEqual([Buffer.from('a'), Buffer.from('b')]);
  });

  test('values are copies, taken when they are yielded', async () => {
    const growing = function* () {
      const list: number[] = [];
      for (let i = 0; i < 3; i++) {
        list.push(i);
        yield list;
      }
    };
    expect(await all(pool.stream(growing))).toEqual([[0], [0, 1], [0, 1, 2]]);
  });

  test('begins when the first value is asked for', async () => {
    const file = newFile();
    const values = pool.stream(written, file);
    await pool.run(() => 1);
    expect(existsSync(file)).toBe(false);
    await values.next();
    await values.return();
  });

  test.each([0, 3])('is never further ahead of its reader than readAhead: %p', async (readAhead) => {
    const file = newFile();
    const values = pool.with({ readAhead }).stream(written, file);
    for (let reads = 1; reads <= 6; reads++) {
      expect(await values.next()).toEqual({ done: false, value: reads });
      // Told in portions: at least half of it.
      const least = reads + Math.floor(readAhead / 2);
      await waitFor('it to be ahead', () => read(file).length >= least);
      for (let i = 0; i < 10; i++) await pool.run(() => 1);
      expect(read(file).length).toBeLessThanOrEqual(reads + readAhead);
    }
    await values.return();
  });

  test('leaving the loop has it return: its finally block has run when the loop is left', async () => {
    const file = newFile();
    for await (const value of pool.stream(written, file)) if (value === 3) break;
    expect(read(file)).toMatch(/^\.{3,}end$/);
  });

  test('what its finally block throws arrives where the loop is left', async () => {
    const untidy = function* () {
      try {
        yield 1;
      } finally {
        throw new RangeError('cannot tidy up');
      }
    };
    const leave = async () => {
      for await (const value of pool.stream(untidy)) if (value === 1) break;
    };
    expect(await rejection(leave())).toMatchObject({ name: 'RangeError', message: 'cannot tidy up' });
  });

  test('what it throws arrives after the values before it, as it was thrown', async () => {
    const breaks = function* () {
      yield 1;
      yield 2;
      throw Object.assign(new TypeError('no third'), { at: 3 });
    };
    const seen: number[] = [];
    const loop = async () => {
      for await (const value of pool.stream(breaks)) seen.push(value);
    };
    const error = (await rejection(loop())) as Error;
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'no third', at: 3 });
    expect(error.stack).toMatch(/stream\.test\.(ts|js)/);
    expect(seen).toEqual([1, 2]);
  });

  test('an aborted signal ends it at once, and its finally block runs', async () => {
    const file = newFile();
    const stop = new AbortController();
    const values = pool.with({ signal: stop.signal }).stream(written, file);
    await values.next();
    stop.abort();
    expect(await poolError(values.next())).toMatchObject({ code: 'cancelled', mayHaveRun: true });
    await waitFor('its end', () => read(file).endsWith('end'));
  });

  test('timeoutMs and deadlineMs end it, and its finally block runs', async () => {
    for (const [limit, code] of [
      ['timeoutMs', 'timeout'],
      ['deadlineMs', 'deadline-exceeded'],
    ] as const) {
      const file = newFile();
      const endless = async () => {
        for await (const value of pool.with({ [limit]: 300 }).stream(written, file)) if (!value) break;
      };
      expect(await poolError(endless())).toMatchObject({ code, mayHaveRun: true });
      await waitFor('its end', () => read(file).endsWith('end'));
    }
  });

  test('a value that cannot be copied ends it, naming the path, and its finally block runs', async () => {
    const file = newFile();
    const bad = async function* (path: string) {
      try {
        yield { ok: true };
        yield { list: [{ send() {} }] };
      } finally {
        (await import('node:fs')).writeFileSync(path, 'end');
      }
    };
    const error = await poolError(all(pool.stream(bad, file)));
    expect(error).toMatchObject({ code: 'not-cloneable', mayHaveRun: true });
    expect(error.message).toMatch(/^a value of the stream\.list\[0\]\.send is a function/);
    expect(read(file)).toBe('end');
  });

  test('a function that gives nothing to go through is refused in a sentence', async () => {
    const answer = (() => 42) as unknown as () => number[];
    const error = await poolError(all(pool.stream(answer)));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toBe(
      '`answer` gives a number; pool.stream takes a generator function, or one that gives something to iterate',
    );
  });

  test('it is tried again only as long as it has made nothing', async () => {
    const fails = function* (after: number) {
      for (let i = 0; i < after; i++) yield `${__offhand.attempt}`;
      if (__offhand.attempt < 3) throw new Error('again');
      yield `${__offhand.attempt}`;
    };
    const patient = pool.with({ retries: 2 });
    expect(await all(patient.stream(fails, 0))).toEqual(['3']);
    const values = patient.stream(fails, 1);
    expect(await values.next()).toEqual({ done: false, value: '1' });
    expect(await rejection(values.next())).toMatchObject({ message: 'again' });
  });

  test('calls go on while one is read, from within its loop too', async () => {
    const sums: number[] = [];
    for await (const n of pool.stream(upTo, 20)) sums.push(await pool.run((a: number) => a + 1, n));
    expect(sums).toEqual(Array.from({ length: 20 }, (_, i) => i + 2));
    const values = pool.stream(upTo, 1_000);
    await values.next();
    expect(await Promise.all(Array.from({ length: 200 }, () => pool.run(() => 1)))).toHaveLength(200);
    await values.return();
  });

  test('its reader may take any time, though nothing else keeps its thread busy', async () => {
    const values = pool.with({ readAhead: 0 }).stream(upTo, 2);
    await values.next();
    for (let i = 0; i < 100; i++) await pool.run(() => 1);
    expect(await values.next()).toEqual({ done: false, value: 2 });
    expect(await values.next()).toEqual({ done: true, value: undefined });
  });

  test('two can be read by turns', async () => {
    const pairs: number[][] = [];
    const right = pool.stream(upTo, 100);
    for await (const left of pool.stream(upTo, 100)) pairs.push([left, (await right.next()).value as number]);
    expect(pairs).toEqual(Array.from({ length: 100 }, (_, i) => [i + 1, i + 1]));
    await right.return();
  });

  test('options and what cannot be sent are refused', async () => {
    expect(() => pool.with({ isolate: true }).stream(upTo, 1)).toThrow(/^isolate: a stream runs/);
    expect(() => pool.with({ readAhead: -1 })).toThrow(/^readAhead: expected a whole number/);
    const outside = function* () {
      yield folder;
    };
    expect(await poolError(pool.stream(outside).next())).toMatchObject({ code: 'not-shippable' });
  });

  test('with the pool it ends in closed', async () => {
    const own = await startPool({ workers: 1, inline });
    const values = own.stream(upTo, 1_000);
    await values.next();
    await own.close();
    expect(await poolError(values.next())).toMatchObject({ code: 'closed' });
  });
});
