import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PoolError, startPool } from 'offhand';
import { waitFor } from '../support/wait.js';
import { meet, poolError, temporaryFolder } from './support.js';

const pidOf = () => process.pid;

let folder: string;
let removeFolder: () => void;
beforeEach(() => {
  ({ path: folder, remove: removeFolder } = temporaryFolder());
});
afterEach(() => removeFolder());

describe('a worker above maxRss', () => {
  test('is replaced without harm to anybody when it was not the task that runs', async () => {
    await using pool = await startPool({ workers: 1, maxRss: '256mb' });
    const before = await pool.run(pidOf);
    await pool.run(() => {
      setTimeout(() => Object.assign(globalThis, { kept: Buffer.alloc(300 * 1024 * 1024, 1) }));
    });
    let calls = 0;
    await waitFor('another worker', async () => {
      calls += 1;
      return (await pool.run(pidOf)) !== before;
    });
    expect(calls).toBeGreaterThan(0);
  });

  test('hands back what has not begun', async () => {
    await using pool = await startPool({ workers: 1, maxRss: '256mb' });
    const before = await pool.run(pidOf);
    const greedy = pool.run(async () => {
      const kept = Buffer.alloc(300 * 1024 * 1024, 1);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return kept.length;
    });
    const others = Promise.all(Array.from({ length: 50 }, () => pool.run(pidOf)));
    expect(await poolError(greedy)).toMatchObject({ code: 'out-of-memory' });
    const [after] = new Set(await others);
    expect(after).not.toBe(before);
  });

  test('with several tasks fails those that ran all the while, as lost, saying why', async () => {
    await using pool = await startPool({ workers: 1, slots: 2, maxRss: '256mb' });
    const once = pool.with({ retries: 0 });
    const bystander = once.run(meet, folder, 'bystander', 'never');
    await waitFor('the bystander to run', () => existsSync(join(folder, 'bystander')));
    const greedy = once.run(async () => {
      const kept = Buffer.alloc(300 * 1024 * 1024, 1);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return kept.length;
    });
    for (const error of [await poolError(bystander), await poolError(greedy)]) {
      expect(error).toMatchObject({
        code: 'worker-lost',
        message: expect.stringMatching(/more than the 256 MiB/),
      });
    }
  });

  test('says so in its log', async () => {
    const logDir = join(folder, 'logs');
    await using pool = await startPool({ workers: 1, maxRss: '256mb', logDir });
    const greedy = pool.run(() => Buffer.alloc(300 * 1024 * 1024, 1) && new Promise(() => undefined));
    expect(await poolError(greedy)).toBeInstanceOf(PoolError);
    expect(readFileSync(join(logDir, 'worker-1.log'), 'utf8')).toMatch(/its worker used \d+ MiB of memory/);
  });
});
