import { readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { profileSoFar } from '../../src/server/profile-file.js';
import { waitFor } from '../support/wait.js';
import { temporaryFolder } from '../client/support.js';

const HEADER = 'time_s,worker\n';
let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

/** A row each 0.1 s for each worker, and the beginning of one more. */
function written(name: string, samples: number, workers: string[]) {
  const path = join(folder.path, name);
  const rows = Array.from({ length: samples }, (_, n) =>
    workers.map((worker) => `${((n + 1) / 10).toFixed(3)},${worker}\n`),
  ).flat();
  const whole = HEADER + rows.join('');
  writeFileSync(path, `${whole}99999.9,half`);
  return { path, rows, bytes: whole.length };
}

describe('the profile so far', () => {
  test('is all rows that are whole', async () => {
    const { path, rows, bytes } = written('results_2.csv', 50, ['worker-1', 'worker-2']);
    const { name, csv, ...profile } = await profileSoFar(path, bytes, HEADER);
    expect([name, profile.bytes]).toEqual(['results_2.csv', bytes]);
    expect(await text(csv)).toBe(HEADER + rows.join(''));
  });

  test('is a header where nothing was written yet', async () => {
    const { csv, bytes } = await profileSoFar(join(folder.path, 'none.csv'), 0, HEADER);
    expect([await text(csv), bytes]).toEqual([HEADER, HEADER.length]);
  });

  test.each([1, 2, 40, 3_000])('is the last of %i samples where that is asked for', async (samples) => {
    const { path, rows, bytes } = written(`last-${samples}.csv`, samples, ['a', 'worker-10', 'x'.repeat(64)]);
    for (const lastMs of [0.001, 100, 250, 1_000, 3_950, 60_000, 299_900, 299_901, 1e12]) {
      const { csv, bytes: told } = await profileSoFar(path, bytes, HEADER, lastMs);
      const fromS = samples / 10 - lastMs / 1_000;
      const wanted = HEADER + rows.filter((row) => Number(row.split(',')[0]) >= fromS).join('');
      expect([lastMs, await text(csv)]).toEqual([lastMs, wanted]);
      expect(told).toBe(wanted.length);
    }
  });

  test('keeps no file open for a reader who has left', async () => {
    // More than a stream reads ahead: it would close what it has read to its end.
    const { path, bytes } = written('left.csv', 30_000, ['worker-1']);
    const open = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === path;
        } catch {
          return false; // Closed meanwhile.
        }
      }).length;
    const [first, second] = [
      await profileSoFar(path, bytes, HEADER),
      await profileSoFar(path, bytes, HEADER, 5_000),
    ];
    expect(open()).toBe(2);
    first.csv.destroy();
    second.csv.once('data', () => second.csv.destroy());
    await waitFor('both to be closed', () => open() === 0);
  });

  test('is not found where the file was taken away', async () => {
    const { path, bytes } = written('away.csv', 3, ['worker-1']);
    rmSync(path);
    await expect(profileSoFar(path, bytes, HEADER)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/away\.csv is not there any more/),
    });
  });
});
