import { describe, expect, test } from '@jest/globals';
import { startPool } from 'offhand';
import { Suspects } from '../../src/client/direct/suspects.js';
import { result, Scene } from './held-lease-scene.js';

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

describe('a lease on a worker of its own', () => {
  /** Three suspects, and the lease; its scene has no line of its own. */
  function sceneWith(...names: string[]) {
    const scene = new Scene();
    const suspects = new Suspects();
    for (const name of names) {
      const task = scene.add(name);
      scene.line.remove(task);
      suspects.push(task);
    }
    const lease = scene.lease();
    suspects.granted(lease);
    suspects.pump();
    return { scene, suspects, lease };
  }

  test('is used for one suspect after the other, and ends when nobody waits for it', () => {
    const { scene, suspects, lease } = sceneWith('a', 'b', 'c');
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      suspects.pump(); // Whatever happens meanwhile.
      expect(scene.slot.sent).toHaveLength(index + 1);
      expect(suspects.size).toBe(2 - index);
      scene.slot.tell(result(index + 1, name));
      suspects.pump();
    }
    expect(scene.settled).toEqual({ a: 'a', b: 'b', c: 'c' });
    expect(scene.ended).toEqual([1]);
    expect(suspects.drop(lease)).toBe(true);
  });

  test('that is asked back gets no more of them', () => {
    const { scene, suspects, lease } = sceneWith('a', 'b');
    lease.end();
    suspects.drop(lease);
    scene.slot.tell(result(1, 'a'));
    suspects.pump();
    expect(scene.slot.sent).toHaveLength(1);
    expect(suspects.size).toBe(1);
    expect(scene.through).toEqual([1]);
  });
});
