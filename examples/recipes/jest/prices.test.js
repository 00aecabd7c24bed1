import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startPool } from 'offhand';

let pool;

beforeAll(async () => {
  pool = await startPool({ workers: 2 });
});

afterAll(() => pool.close());

test('a function runs on a worker', async () => {
  const total = (prices) => prices.reduce((sum, price) => sum + price, 0);
  expect(await pool.run(total, [1, 2, 3])).toBe(6);
});

test('its error arrives as it was thrown', async () => {
  const fail = () => {
    throw new RangeError('no such price');
  };
  await expect(pool.run(fail)).rejects.toMatchObject({ name: 'RangeError', message: 'no such price' });
});

test('everything else is a PoolError with a code', async () => {
  await expect(pool.run(Math.max, 1, 2)).rejects.toMatchObject({ code: 'not-shippable' });
});
