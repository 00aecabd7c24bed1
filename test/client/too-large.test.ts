import { runInThisContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { poolError, rejection, startScript } from './support.js';

const MIB = 1024 * 1024;
/** A little more than can be sent. */
const BYTES = 257 * MIB;
const SENTENCE =
  '257 MiB, and at most 256 MiB can be sent; send the name of a file instead, or split the work';

let pool: Pool;
beforeAll(async () => {
  pool = await startPool({ workers: 1 });
});
afterAll(() => pool.close());

const lengthOf = (value: { length: number }) => value.length;
const makeBuffer = (length: number) => Buffer.alloc(length);

describe('too large to be sent fails that call alone, and says so', () => {
  test('an argument', async () => {
    const beside = [pool.run(lengthOf, 'one'), pool.run(lengthOf, 'three')];
    const error = await poolError(pool.run(lengthOf, Buffer.alloc(BYTES)));
    expect(error).toMatchObject({ code: 'too-large', mayHaveRun: false });
    expect(error.message).toBe(`\`lengthOf\`: arguments: ${SENTENCE}`);
    expect(await Promise.all(beside)).toEqual([3, 5]);
  });

  test('several that are too large only together', async () => {
    const parts = Array.from({ length: 5 }, () => new Uint8Array(BYTES / 5));
    expect(await poolError(pool.run(lengthOf, parts))).toMatchObject({ code: 'too-large' });
  });

  test('a result, whatever is told in its encoding', async () => {
    const before = pool.run(lengthOf, 'before');
    const large = poolError(pool.run(makeBuffer, BYTES));
    const after = pool.run(lengthOf, 'after');
    const error = await large;
    expect(error).toMatchObject({ code: 'too-large', mayHaveRun: true });
    expect(error.message).toBe(`the result: ${SENTENCE}`);
    expect(await Promise.all([before, after])).toEqual([6, 5]);
  });

  test('an error, which then arrives in words, and not in too many', async () => {
    const beside = pool.run(lengthOf, 'beside');
    const thrown = await rejection(
      pool.run((length: number) => {
        throw new RangeError('x'.repeat(length));
      }, 150 * MIB),
    );
    expect(thrown).toMatchObject({ name: 'RangeError', message: expect.stringMatching(/^x{65536}…$/) });
    expect(await beside).toBe(6);
  });

  test('an error that nobody caught', async () => {
    const leave = (length: number) => {
      setTimeout(() => {
        throw new Error('x'.repeat(length));
      });
      return new Promise(() => undefined);
    };
    const error = await poolError(pool.run(leave, 16 * MIB));
    expect(error).toMatchObject({ code: 'exited', message: expect.stringMatching(/x{100}; await all/) });
  });

  test('a function', async () => {
    const long = runInThisContext(`() => {/*${'x'.repeat(17 * MIB)}*/}`) as () => void;
    const error = await poolError(pool.run(long));
    expect(error).toMatchObject({ code: 'too-large', mayHaveRun: false });
    expect(error.message).toMatch(/^the source of `anonymous`: 17 MiB, and at most 16 MiB can be sent; /);
  });
});

test('results that are large together come back, each in its message', async () => {
  await pool.run(makeBuffer, 1); // Known to be short: several are sent ahead.
  const results = await Promise.all(Array.from({ length: 4 }, () => pool.run(makeBuffer, 80 * MIB)));
  expect(results.map(lengthOf)).toEqual(results.map(() => 80 * MIB));
});

describe('OFFHAND_MAX_VALUE', () => {
  const withLimit = (limit: string, mib: number) =>
    startScript('large-values.mjs', { args: [String(mib)], env: { OFFHAND_MAX_VALUE: limit } }).ended;

  test('lets larger values through, both ways', async () => {
    const { out, err } = await withLimit('300mb', 257);
    expect({ out, err }).toEqual({ out: `${257 * MIB}\n${257 * MIB}\n`, err: '' });
  });

  test('refuses smaller ones already, both ways', async () => {
    const { out } = await withLimit('2mb', 3);
    const refused = '3 MiB, and at most 2 MiB can be sent';
    expect(out.split('\n')).toEqual([
      expect.stringContaining(`arguments: ${refused}`),
      expect.stringContaining(`too-large: the result: ${refused}`),
      '',
    ]);
  });

  test.each(['lots', '2gb', '10kb'])('as %s is refused when a pool starts', async (limit) => {
    const { code, err } = await withLimit(limit, 1);
    expect(code).toBe(1);
    expect(err).toMatch(new RegExp(`OFFHAND_MAX_VALUE: expected .* got ${limit}`));
  });
});
