import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type CallOptions, type Pool, startPool, type StartPoolOptions } from 'offhand';
import { restartDelayMs } from '../../src/core/restart-backoff.js';
import { isRunning } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';
import { meet, poolError, rejection, startScript } from './support.js';

// Every way in which a task can end that is no return and no throw, and that the pool is whole again afterwards.

/** What a task may cost the pool of these tests, on a busy machine too: a thread, or a process and its start, in ms. */
const RECOVERY_MS = 6_000;

const LIMITS: StartPoolOptions = { workers: 2, maxHeap: '64mb', maxRss: '512mb' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The processes of a pool of two workers, each of which runs a task at the same time. */
async function pidsAtWork(pool: Pool): Promise<number[]> {
  const limited = pool.with({ deadlineMs: RECOVERY_MS });
  const round = mkdtempSync(join(folder, 'round-'));
  const pids = await Promise.all([limited.run(meet, round, 'a', 'b'), limited.run(meet, round, 'b', 'a')]);
  return pids.sort((a, b) => a - b);
}

type Exit = [what: string, fn: () => unknown, code: string, words: RegExp, options?: CallOptions];

describe('a task that costs its thread at most', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool(LIMITS);
  });
  afterAll(() => pool.close());

  const exits: Exit[] = [
    ['process.exit(0)', () => process.exit(0), 'exited', /process\.exit\(0\); return or throw instead$/],
    ['process.exit(1)', () => process.exit(1), 'exited', /process\.exit\(1\); return or throw instead$/],
    [
      'an unhandled rejection',
      () => {
        void Promise.reject(new Error('forgotten'));
        return new Promise(() => undefined);
      },
      'exited',
      /left an error that nobody caught: forgotten; await all that it starts$/,
    ],
    [
      'a null thrown where nobody catches it',
      () => {
        setTimeout(() => {
          throw null;
        });
        return new Promise(() => undefined);
      },
      'exited',
      /left an error that nobody caught: null; await/,
    ],
    [
      'an endless loop',
      () => {
        for (;;);
      },
      'timeout',
      /ran longer than its timeoutMs of 100$/,
      { timeoutMs: 100 },
    ],
    [
      'an array without end',
      () => {
        const rows: object[] = [];
        for (;;) rows.push({ index: rows.length });
      },
      'out-of-memory',
      /used up its thread's memory for JavaScript objects of 64 MiB; work on smaller parts/,
    ],
    [
      'JSON that doubles without end',
      () => {
        let nested: unknown[] = [];
        for (;;) nested = JSON.parse(JSON.stringify([nested, nested])) as unknown[];
      },
      'out-of-memory',
      /used up its thread's memory for JavaScript objects of 64 MiB/,
    ],
  ];
  test.each(exits)('%s', async (name, fn, code, words, options = {}) => {
    const before = await pidsAtWork(pool);
    const error = await poolError(pool.with({ ...options, name }).run(fn));
    expect(error).toMatchObject({ code, mayHaveRun: true, message: expect.stringMatching(words) });
    expect(error.message).toContain(`\`${name}\``);
    expect(await pidsAtWork(pool)).toEqual(before);
  });

  const thrown: [what: string, fn: () => unknown, expected: unknown][] = [
    [
      'process.abort(), which Node refuses in threads',
      () => process.abort(),
      expect.objectContaining({ code: 'ERR_WORKER_UNSUPPORTED_OPERATION' }),
    ],
    [
      'recursion without end',
      () => {
        const dive = (depth: number): number => dive(depth + 1) + 1;
        return dive(0);
      },
      expect.objectContaining({ name: 'RangeError' }),
    ],
    [
      'a thrown null',
      () => {
        throw null;
      },
      null,
    ],
  ];
  test.each(thrown)('%s: arrives as it is thrown', async (_what, fn, expected) => {
    const before = await pidsAtWork(pool);
    expect(await rejection(pool.run(fn))).toEqual(expected);
    expect(await pidsAtWork(pool)).toEqual(before);
  });
});

describe('a task that costs its process', () => {
  const exits: Exit[] = [
    [
      'SIGKILL',
      () => process.kill(process.pid, 'SIGKILL') && new Promise(() => setInterval(() => undefined, 60_000)),
      'worker-lost',
      /the process of worker-\d was killed \(SIGKILL\): by somebody, .*; make the call again if/,
    ],
    [
      'a crash of native code',
      () => process.kill(process.pid, 'SIGSEGV') && new Promise(() => setInterval(() => undefined, 60_000)),
      'worker-lost',
      /native code crashed the process of worker-\d \(SIGSEGV\)/,
    ],
    [
      'a call that blocks in native code',
      async () => (await import('node:child_process')).execSync('sleep 60'),
      'timeout',
      /ran longer than its timeoutMs of 100$/,
      { timeoutMs: 100 },
    ],
    [
      'a GB of Buffers',
      () => Array.from({ length: 64 }, () => Buffer.alloc(16 * 1024 * 1024, 1)).length,
      'out-of-memory',
      /its worker used \d+ MiB of memory, more than the 512 MiB that it may; work on smaller parts/,
    ],
  ];
  test.each(exits)('%s', async (name, fn, code, words, options = {}) => {
    await using pool = await startPool(LIMITS);
    const before = await pidsAtWork(pool);
    const error = await poolError(pool.with({ retries: 0, ...options, name }).run(fn));
    expect(error).toMatchObject({ code, mayHaveRun: true, message: expect.stringMatching(words) });
    const after = await pidsAtWork(pool);
    expect(after.filter((pid) => before.includes(pid))).toHaveLength(1);
    await waitFor('the process to be gone', () => before.filter(isRunning).length === 1, RECOVERY_MS);
  });

  // V8 ends the thread where it can, and aborts the process where a single step needs more than is left of the heap.
  test('a Map without end, whether it costs the thread or the process', async () => {
    const { code, out } = await startScript('grows-a-map.mjs').ended;
    expect(code).toBe(0);
    const outcome = JSON.parse(out) as { message: string; isReplaced: boolean };
    expect(outcome).toMatchObject({ code: 'out-of-memory', mayHaveRun: true });
    expect(outcome.message).toMatch(
      outcome.isReplaced
        ? /^`grow`: the process of worker-1 was aborted \(SIG(ABRT|TRAP)\), .*; work on/
        : /^`grow` used up its thread's memory .* of 64 MiB; work on/,
    );
  });

  test('beside another one in the same process: nobody knows which it was', async () => {
    await using pool = await startPool({ workers: 1, slots: 2 });
    const once = pool.with({ retries: 0 });
    const bystander = once.run(meet, folder, 'bystander', 'never');
    await waitFor('the bystander to run', () => existsSync(join(folder, 'bystander')));
    const culprit = once.run(
      () => process.kill(process.pid, 'SIGABRT') && new Promise(() => setInterval(() => undefined, 60_000)),
    );
    for (const error of [await poolError(bystander), await poolError(culprit)])
      expect(error).toMatchObject({ code: 'worker-lost', message: expect.stringContaining('SIGABRT') });
    expect(await pool.run(() => 'next')).toBe('next');
  });

  test('again and again: the first two are replaced at once, the next ones later and later', async () => {
    const logDir = join(folder, 'logs');
    await using pool = await startPool({ workers: 1, logDir });
    for (let death = 1; death <= 4; death++) {
      const dying = pool
        .with({ retries: 0 })
        .run(
          () =>
            process.kill(process.pid, 'SIGKILL') && new Promise(() => setInterval(() => undefined, 60_000)),
        );
      expect(await poolError(dying)).toMatchObject({ code: 'worker-lost' });
    }
    expect(await pool.run(() => 'next')).toBe('next');
    const restarts = readFileSync(join(logDir, 'coordinator.log'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { time: number; delayMs?: number })
      .filter(({ delayMs }) => delayMs !== undefined);
    const times = restarts.map(({ time }) => time);
    expect(restarts.map(({ delayMs }) => delayMs)).toEqual(
      times.map((time, index) => restartDelayMs(times.slice(0, index + 1), time)),
    );
    expect(restarts.map(({ delayMs }) => delayMs).slice(0, 2)).toEqual([0, 0]);
  });
});

describe('a program that a task leaves behind', () => {
  const leave = async () => {
    const { spawn } = await import('node:child_process');
    return spawn('sleep', ['600'], { stdio: 'ignore' }).pid ?? 0;
  };

  test('outlives its task, and ends with its worker’s process', async () => {
    await using pool = await startPool({ workers: 1 });
    const child = await pool.run(leave);
    expect(await poolError(pool.run(() => process.exit()))).toMatchObject({ code: 'exited' });
    expect(isRunning(child)).toBe(true);
    const kill = () =>
      process.kill(process.pid, 'SIGKILL') && new Promise(() => setInterval(() => undefined, 60_000));
    expect(await poolError(pool.with({ retries: 0 }).run(kill))).toMatchObject({ code: 'worker-lost' });
    await waitFor('the program to end', () => !isRunning(child), RECOVERY_MS);
  });

  test('ends with the pool', async () => {
    const pool = await startPool({ workers: 1 });
    const child = await pool.run(leave);
    await pool.close();
    await waitFor('the program to end', () => !isRunning(child), RECOVERY_MS);
  });
});
