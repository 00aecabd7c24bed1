import { describe, expect, test } from '@jest/globals';
import { connect, startPool } from 'offhand';
import { offhand } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';
import { poolError } from './support.js';

const pidOf = () => process.pid;
/** Opens all that it may, and closes it or not. */
const openAll = async (closes: boolean): Promise<never> => {
  const { closeSync, openSync } = await import('node:fs');
  const files: number[] = [];
  try {
    for (;;) files.push(openSync('/dev/null', 'r'));
  } finally {
    if (closes) files.forEach((file) => closeSync(file));
  }
};
const EMFILE = { code: 'EMFILE', message: "EMFILE: too many open files, open '/dev/null'" };

describe('a task that opens more files than its worker may', () => {
  test('hears so from the system, and its worker lives on', async () => {
    await using pool = await startPool({ workers: 1, maxOpenFiles: 96 });
    const before = await pool.run(pidOf);
    for (const each of [pool, pool.with({ isolate: true })])
      await expect(each.run(openAll, true)).rejects.toMatchObject(EMFILE);
    expect(await pool.run(pidOf)).toBe(before);
  });

  test('and leaves them open costs others no call: its worker is replaced', async () => {
    await using sandbox = new Sandbox();
    const flags = ['1', '--slots', '2', '--no-profile', '--permission', '--max-open-files', '128'];
    const server = await startServer(sandbox, flags);
    const options = { token: server.token };
    await using pool = await connect(server.address, options);
    const before = await pool.run(pidOf);
    await expect(pool.run(openAll, false)).rejects.toMatchObject(EMFILE);
    await using other = await connect(server.address, options);
    const calls = [pool, other].flatMap((each) => Array.from({ length: 10 }, () => each.run(pidOf)));
    expect(await Promise.all(calls)).toHaveLength(20);
    const after = await waitFor('another process', async () => {
      const pid = await pool.run(pidOf);
      return pid === before ? undefined : pid;
    });
    expect((await server.status()).workers.map(({ pid }) => pid)).toEqual([after]);
  }, 60_000);
});

test('programs that a task starts may have as many open, each', async () => {
  await using pool = await startPool({ workers: 1, maxOpenFiles: 96 });
  const limits = await pool.run(async () => {
    const { execSync } = await import('node:child_process');
    return execSync('ulimit -Sn; ulimit -Hn').toString();
  });
  expect(limits).toBe('96\n96\n');
});

describe('a limit is refused in a sentence', () => {
  test.each<[{ maxOpenFiles: unknown; slots?: number }, RegExp]>([
    [{ maxOpenFiles: 20 }, /^maxOpenFiles: expected a whole number, at least 80, got 20$/],
    [{ maxOpenFiles: 100, slots: 8 }, /^maxOpenFiles: .* at least 192, with 8 slots, got 100$/],
    [{ maxOpenFiles: 99.5 }, /^maxOpenFiles: expected a whole number, at least 80, got 99.5$/],
    [{ maxOpenFiles: 2 ** 40 }, /^maxOpenFiles: expected at most the \w+ that this process may have/],
  ])('%j', async (options, words) => {
    const error = await poolError(startPool({ workers: 1, ...(options as { maxOpenFiles: number }) }));
    expect(error).toMatchObject({ code: 'invalid-argument', message: expect.stringMatching(words) });
  });

  test('by the command line too', async () => {
    await using sandbox = new Sandbox();
    const { code, stderr } = await offhand(sandbox, ['server', '1', '--max-open-files', 'many']);
    const words = 'offhand: --max-open-files: expected a whole number, at least 80, got many\n';
    expect({ code, stderr }).toEqual({ code: 1, stderr: words });
  });
});
