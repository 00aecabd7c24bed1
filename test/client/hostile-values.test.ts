import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { poolError, rejection } from './support.js';

const HUGE = 300 * 2 ** 20;

let pool: Pool;
beforeAll(async () => {
  pool = await startPool({ workers: 1 });
});
afterAll(() => pool.close());

test('a result whose `then` throws is what the function threw', async () => {
  const hostile = () => ({
    get then(): never {
      throw new RangeError('no');
    },
  });
  expect(await rejection(pool.run(hostile as () => unknown))).toMatchObject({
    name: 'RangeError',
    message: 'no',
  });
  expect(await pool.run(() => 1)).toBe(1);
});

test('whatever is thrown has an outcome, though it has no words', async () => {
  const throwing = [
    () => {
      throw { [Symbol.for('nodejs.util.inspect.custom')]: () => Object.create(null) as string };
    },
    () => {
      const error = new Error('x');
      Object.defineProperty(error, 'message', {
        get() {
          throw new Error('not this one');
        },
      });
      throw error;
    },
  ];
  for (const hostile of throwing) expect(await rejection(pool.run(hostile))).toBeDefined();
  const wordless = () => ({
    get a(): never {
      throw Object.create(null) as Error;
    },
  });
  expect(await poolError(pool.run(wordless))).toMatchObject({ mayHaveRun: true });
  expect(await pool.run(() => 2)).toBe(2);
});

test('an argument that is too large is refused, and nothing else', async () => {
  const small = pool.run((text: string) => text.length, 'small');
  const large = pool.run((text: string) => text.length, 'x'.repeat(HUGE));
  expect(await poolError(large)).toMatchObject({ code: 'too-large', mayHaveRun: false });
  expect(await small).toBe(5);
});

test('many texts that are large together are no problem', async () => {
  await pool.run((text: string) => text.length, ''); // Known to be short: many would share a message.
  const lengths = Array.from({ length: 60 }, () =>
    pool.run((text: string) => text.length, 'x'.repeat(2 ** 20)),
  );
  expect(await Promise.all(lengths)).toEqual(lengths.map(() => 2 ** 20));
});

test('a result that is too large fails its task, and not the one before it', async () => {
  const before = pool.run(() => 5);
  const large = pool.run((length: number) => 'x'.repeat(length), HUGE);
  expect(await before).toBe(5);
  expect(await poolError(large)).toMatchObject({ code: 'too-large', mayHaveRun: true });
  expect(await pool.run((length: number) => 'x'.repeat(length), 10_000)).toHaveLength(10_000);
});
