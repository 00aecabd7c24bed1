import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startPool, type StartPoolOptions } from 'offhand';
import { isAlive, pidsIn, poolError, type Script, startScript, temporaryFolder, until } from './support.js';

let folder: ReturnType<typeof temporaryFolder>;
let script: Script | undefined;
let pids: number[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  // What a failed test left behind.
  for (const pid of [script?.pid ?? -1, ...pids].filter((one) => one > 0 && isAlive(one))) {
    process.kill(pid, 'SIGKILL');
    await until('it is gone', () => !isAlive(pid));
  }
  script = undefined;
  pids = [];
  folder.remove();
});

/** Runs pids.mjs until it has told its pool's processes. */
async function startPids(...args: string[]): Promise<Script> {
  const started = startScript('pids.mjs', { args });
  script = started;
  await until('the pool is up', () => started.out().includes('\n'));
  pids = pidsIn(started.out());
  expect(pids).toHaveLength(2);
  return started;
}

const goneWithin = (limitMs: number) =>
  until('all processes of the pool are gone', () => !pids.some(isAlive), limitMs);

describe('a script', () => {
  test('that forgets close() ends by itself, writes no file, and prints only its own lines', async () => {
    const empty = ['work', 'home', 'config', 'runtime'].map((name) => join(folder.path, name));
    for (const path of empty) mkdirSync(path);
    const [cwd = '', HOME = '', XDG_CONFIG_HOME = '', XDG_RUNTIME_DIR = ''] = empty;
    const { ended } = startScript('forgets-close.mjs', {
      cwd,
      env: { HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR },
    });
    expect(await ended).toEqual({ code: 0, signal: null, out: '2262\n', err: '' });
    // The folder of the sockets stays, empty: it is this user's, not this pool's.
    const left = empty.flatMap((path) => readdirSync(path, { recursive: true, encoding: 'utf8' }));
    expect(left).toEqual(['offhand']);
  });

  test('in CommonJS is served by require()', async () => {
    expect(await startScript('required.cjs').ended).toEqual({ code: 0, signal: null, out: '5\n', err: '' });
  });

  test('that prints inside a function sees it on its terminal, whole, before the pool is closed', async () => {
    const { code, out, err } = await startScript('prints-inside.mjs').ended;
    expect(code).toBe(0);
    expect(out).toMatch(/^from inside, out\nx{300000}END\n$/);
    expect(err).toBe('from inside, err\n');
  });

  test('with many calls that share a signal, or a map, gets no warning', async () => {
    const ended = await startScript('many-listeners.mjs').ended;
    expect(ended).toEqual({ code: 0, signal: null, out: 'done\n', err: '' });
  });

  test('that throws ends with its error, and its pool with it', async () => {
    const { ended } = await startPids('throw');
    expect(await ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('the script broke'),
    });
    await goneWithin(3_000);
  });

  test('that calls process.exit while a task runs takes its pool along', async () => {
    const { ended } = await startPids('exit');
    expect(await ended).toMatchObject({ code: 3 });
    await goneWithin(3_000);
  });
});

describe('a script that is killed', () => {
  test('while a busy loop runs takes coordinator and workers along at once', async () => {
    const { kill } = await startPids('spin');
    kill('SIGKILL');
    await goneWithin(3_000);
  });

  test('while a task blocks in native code takes that along too, and what it started', async () => {
    const file = join(folder.path, 'pid');
    const { kill } = await startPids('block', file);
    await until('the task blocks', () => existsSync(file));
    pids.push(Number(readFileSync(file, 'utf8')));
    kill('SIGKILL');
    await goneWithin(6_000);
  });

  test('together with its coordinator leaves no worker behind, even one that blocks in native code', async () => {
    const file = join(folder.path, 'pid');
    const { kill } = await startPids('block', file);
    await until('the task blocks', () => existsSync(file));
    const coordinator = pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('server'));
    pids.push(Number(readFileSync(file, 'utf8')));
    kill('SIGKILL');
    process.kill(coordinator ?? -1, 'SIGKILL');
    await goneWithin(6_000);
  });
});

describe('startPool', () => {
  test('await using ends every process it started', async () => {
    {
      await using pool = await startPool({ workers: 2 });
      const both = [1, 2].map(() =>
        pool.run(async () => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          return [process.pid, process.ppid];
        }),
      );
      pids = [...new Set((await Promise.all(both)).flat())];
      expect(pids).toHaveLength(3);
      expect(pids.every(isAlive)).toBe(true);
    }
    await goneWithin(0);
  });

  test('every one that close() is asked of resolves when the processes are gone', async () => {
    const pool = await startPool({ workers: 1 });
    pids = await pool.run(() => [process.pid, process.ppid]);
    void pool.close();
    await pool.close();
    await goneWithin(0);
  });

  test('slots run that many tasks in one worker', async () => {
    await using pool = await startPool({ workers: 1, slots: 2 });
    // Each waits until the other is there: they never end unless they run at once.
    const meet = async (path: string, own: string, other: string) => {
      const { existsSync, writeFileSync } = await import('node:fs');
      writeFileSync(`${path}/${own}`, '');
      while (!existsSync(`${path}/${other}`)) await new Promise((resolve) => setTimeout(resolve, 5));
      return process.pid;
    };
    const limited = pool.with({ timeoutMs: 8_000 });
    const [a, b] = await Promise.all([
      limited.run(meet, folder.path, 'a', 'b'),
      limited.run(meet, folder.path, 'b', 'a'),
    ]);
    expect(a).toBe(b);
  });

  test('profile and logDir are written when they are asked for, also into folders that are missing', async () => {
    const profile = join(folder.path, 'deep', 'profile.csv');
    const logDir = join(folder.path, 'logs', 'today');
    {
      await using pool = await startPool({ workers: 1, profile, profileIntervalMs: 20, logDir });
      await pool.run(() => 1);
    }
    const [header, ...rows] = readFileSync(profile, 'utf8').trim().split('\n');
    expect(header).toBe('time_s,worker,busy,busy_fraction,completed,failed,cpu_percent,rss_bytes');
    expect(rows.at(-1)).toMatch(/^[\d.]+,worker-1,[01],[\d.]+,1,0,/);
    expect(readdirSync(logDir).sort()).toEqual(['coordinator.log', 'worker-1.log']);
    for (const name of readdirSync(logDir)) {
      for (const line of readFileSync(join(logDir, name), 'utf8').trim().split('\n')) JSON.parse(line);
    }
  });

  test('has workers with tags of their own, which those that replace them have too, and the policy it is told', async () => {
    await using pool = await startPool({
      workers: 3,
      policy: 'least-remaining',
      tags: [['gpu', 'mem=16g'], ['mem=4g']],
    });
    const pid = () => process.pid;
    const on = (...requires: string[]) => pool.with({ requires }).run(pid);
    const [gpu, small] = await Promise.all([on('gpu'), on('mem=4g')]);
    expect(await on('mem=8g', 'gpu')).toBe(gpu);
    expect((await poolError(on('gpu', 'tpu'))).code).toBe('no-worker-fits');
    expect((await poolError(on('mem=32g'))).code).toBe('no-worker-fits');
    process.kill(gpu, 'SIGKILL');
    const next = await on('gpu');
    expect([gpu, small]).not.toContain(next);
    const task = await pool.submit(pid, []);
    await task.result();
    expect((await task.explain()).reason).toMatch(/least-remaining: .*work left: worker-\d \d+ ms/);
  });

  const refusals: [options: unknown, code: string, message: RegExp][] = [
    [{ worker: 1 }, 'invalid-argument', /^startPool: unknown option worker; there are workers, slots, /],
    [{ workers: 0 }, 'invalid-argument', /^workers: expected a whole number from 1 to 10,000, got 0$/],
    [{ workers: '2' }, 'invalid-argument', /^workers: expected a whole number from 1 to 10,000, got "2"$/],
    [{ workers: 2n }, 'invalid-argument', /^workers: expected a whole number from 1 to 10,000, got 2n?$/],
    [{ workers: NaN }, 'invalid-argument', /^workers: expected a whole number from 1 to 10,000, got NaN$/],
    [{ slots: 0.5 }, 'invalid-argument', /^slots: expected a whole number from 1 to 256, got 0\.5$/],
    [
      { profileIntervalMs: -1 },
      'invalid-argument',
      /^profileIntervalMs: expected a whole number from 10 to 3,600,000, got -1$/,
    ],
    [
      { maxTasksPerWorker: 0.5 },
      'invalid-argument',
      /^maxTasksPerWorker: expected a whole number, 1 or more, got 0.5$/,
    ],
    [{ drainTimeoutMs: -1, workers: 1 }, 'invalid-argument', /^drainTimeoutMs: expected .*, got -1$/],
    [{ logDir: 5, workers: 1 }, 'invalid-argument', /^logDir: expected .*, got 5$/],
    [{ profile: 5, workers: 1 }, 'invalid-argument', /^profile: expected .*, got 5$/],
    [{ maxRss: '1mb', workers: 1 }, 'invalid-argument', /^maxRss: .* 512mb or 2gb, at least 128mb, got 1mb$/],
    [{ maxRss: null, workers: 1 }, 'invalid-argument', /^maxRss: expected a size .*, got null$/],
    [{ maxOutput: '1x', workers: 1 }, 'invalid-argument', /^maxOutput: expected a size .* got 1x$/],
    [{ maxHeap: -5, workers: 1 }, 'invalid-argument', /^maxHeap: expected a size .* 32mb, got -5$/],
    [{ policy: 'best' }, 'invalid-argument', /^policy: expected first-free, .*, got "best"$/],
    [{ tags: 'gpu' }, 'invalid-argument', /^tags: expected an array of tags, .*, got "gpu"$/],
    [{ tags: ['g p u'] }, 'invalid-argument', /^tags: expected a tag such as gpu .*, got "g p u"$/],
    [
      { tags: [['gpu'], 'cpu'], workers: 2 },
      'invalid-argument',
      /^tags\[1\]: expected an array .*, got "cpu"$/,
    ],
    [{ tags: [['gpu'], []], workers: 1 }, 'invalid-argument', /^tags: .* each of the 1 workers .*, got 2$/],
    [{ inline: 'no' }, 'invalid-argument', /^inline: expected true or false, got "no"$/],
    [
      { logDir: '/proc/x', workers: 1 },
      'permission-denied',
      /^the log \/proc\/x\/coordinator\.log cannot be written/,
    ],
    [{ profile: '/tmp', workers: 1 }, 'permission-denied', /^the profile \/tmp cannot be written/],
    [null, 'invalid-argument', /^startPool: /],
  ];
  test.each(refusals)('%p is refused in a sentence', async (options, code, message) => {
    const attempt = startPool(options as StartPoolOptions);
    void attempt.then(
      (pool) => pool.close(),
      () => undefined,
    );
    const error = await poolError(attempt);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });
});
