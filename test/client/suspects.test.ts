import { describe, expect, test } from '@jest/globals';
import { startPool } from 'offhand';

const kill = () => void process.kill(process.pid, 'SIGKILL');
const double = (n: number) => 2 * n;
const spin = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return 'done';
};

describe('a task that costs its worker', () => {
  test('takes none of those with it that went in the same message, or waited behind it', async () => {
    await using pool = await startPool({ workers: 1 });
    for (let n = 0; n < 200; n++) await pool.run(double, n); // Known to be short, they go many to a message.
    const many = Array.from({ length: 300 }, (_, n) => pool.run(double, n));
    const culprit = pool
      .with({ retries: 10 })
      .run(kill)
      .catch((error: unknown) => error);
    const more = Array.from({ length: 300 }, (_, n) => pool.run(double, n));
    const expected = Array.from({ length: 300 }, (_, n) => 2 * n);
    expect(await Promise.all(many)).toEqual(expected);
    expect(await Promise.all(more)).toEqual(expected);
    expect(await culprit).toMatchObject({ code: 'poison', mayHaveRun: true });
  }, 60_000);

  test('takes none of those with it that run beside it in other slots', async () => {
    await using pool = await startPool({ workers: 1, slots: 3 });
    const beside = [pool.run(spin, 400), pool.run(spin, 400)];
    const culprit = pool
      .with({ retries: 10 })
      .run(kill)
      .catch((error: unknown) => error);
    expect(await Promise.all(beside)).toEqual(['done', 'done']);
    expect(await culprit).toMatchObject({ code: 'poison', mayHaveRun: true });
    expect(await pool.run(double, 4)).toBe(8);
  }, 60_000);

  test('is not run again with `retries: 0`, nor is what ran beside it', async () => {
    await using pool = await startPool({ workers: 1, slots: 2 });
    const once = pool.with({ retries: 0 });
    const beside = once.run(spin, 1_000).catch((error: unknown) => error);
    const culprit = once.run(kill).catch((error: unknown) => error);
    for (const end of [culprit, beside])
      expect(await end).toMatchObject({ code: 'worker-lost', mayHaveRun: true });
  }, 60_000);
});
