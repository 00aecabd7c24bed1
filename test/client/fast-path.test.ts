import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Pool, type PoolError } from 'offhand';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { connectionsToFiles, connectionsToPort } from '../support/sockets.js';
import { within } from '../support/wait.js';
import { startScript, until } from './support.js';

// Many tiny calls: they go many to a message, behind one another, over connections that stay.

const sandbox = new Sandbox();
let server: TestServer;
let pool: Pool;

beforeAll(async () => {
  server = await startServer(sandbox, ['2', '--no-profile']);
  pool = await connect(server.address, { token: server.token });
}, 40_000);

afterAll(async () => {
  await pool.close();
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

const double = (n: number) => n * 2;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const result of results) seen.push(result);
  return seen;
}

/** How many tasks the workers have run to a good end. */
async function completed(): Promise<number> {
  const { workers } = await server.status();
  return workers.reduce((sum, worker) => sum + worker.completed, 0);
}

/** Resolves when no worker runs anything, and nobody waits. */
const whenQuiet = () =>
  until('the pool is quiet', async () => {
    const { workers, queue } = await server.status();
    return queue.pending === 0 && workers.every(({ busy, tasks }) => !busy && tasks.length === 0);
  });

describe('a thousand calls', () => {
  test('open one connection to the coordinator and one to each slot, and keep them', async () => {
    const sockets = () => ({
      coordinator: connectionsToPort(server.port),
      slots: connectionsToFiles(join(String(sandbox.env['XDG_RUNTIME_DIR']), 'offhand')).sort(),
    });
    const hold = (ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, process.pid));
    await Promise.all([pool.run(hold, 100), pool.run(hold, 100)]);
    const before = sockets();
    // The workers keep one each as well.
    expect(before.coordinator).toHaveLength(1 + 2);
    expect(before.slots).toHaveLength(2);
    await Promise.all(numbers(1_000).map((n) => pool.run(double, n)));
    for (let n = 0; n < 20; n++) await pool.run(double, n);
    expect(sockets()).toEqual(before);
  });
});

describe('ten thousand tiny calls come back right, in order, each run once', () => {
  const items = numbers(10_000);
  const expected = items.map(double);

  test('through run', async () => {
    const before = await completed();
    expect(await Promise.all(items.map((n) => pool.run(double, n)))).toEqual(expected);
    expect((await completed()) - before).toBe(items.length);
  });

  test('through map', async () => {
    const before = await completed();
    expect(await all(pool.map(double, items))).toEqual(expected);
    expect((await completed()) - before).toBe(items.length);
  });

  test('through several maps and calls of different functions at once', async () => {
    const before = await completed();
    const negate = (n: number) => -n;
    const [doubled, unordered, negated] = await Promise.all([
      all(pool.map(double, items)),
      all(pool.map(double, items, { ordered: false })),
      Promise.all(items.map((n) => pool.run(negate, n))),
    ]);
    expect(doubled).toEqual(expected);
    expect(unordered.sort((a, b) => a - b)).toEqual(expected);
    expect(negated).toEqual(items.map(negate));
    expect((await completed()) - before).toBe(3 * items.length);
  });
});

describe('tasks that share a message', () => {
  test('do not share an argument: each changes a copy of its own', async () => {
    const raise = (counter: { n: number }) => {
      counter.n += 1;
      return counter;
    };
    const given = { n: 0 };
    const results = [
      ...(await all(pool.map(raise, Array<typeof given>(200).fill(given)))),
      ...(await Promise.all(numbers(200).map(() => pool.run(raise, given)))),
    ];
    expect(results.map(({ n }) => n)).toEqual(Array(400).fill(1));
    expect(new Set(results).size).toBe(400);
    expect(given).toEqual({ n: 0 });
  });

  test('get an argument as it was when they were called', async () => {
    const given = { n: 0 };
    const calls = numbers(200).map((n) => {
      given.n = n;
      return pool.run((one: { n: number }) => one.n, given);
    });
    given.n = -1;
    expect(await Promise.all(calls)).toEqual(numbers(200));
  });

  test('pass on primitive values of every kind unchanged, as arguments and as results', async () => {
    const kinds = [undefined, null, true, false, 0, -0, NaN, -Infinity, 2 ** 53, 1n << 80n, -1n, '', 'a€😀'];
    const odd = ['\ud800', '\0', 'x'.repeat(5_000)];
    const given = Array.from({ length: 50 }, () => [...kinds, ...odd]).flat();
    const echo = (value: unknown) => value;
    await pool.run(echo, 0);
    const results = await all(pool.map(echo, given));
    expect(results.findIndex((value, index) => !Object.is(value, given[index]))).toBe(-1);
    expect(results).toHaveLength(given.length);
  });
});

describe('a function known to be fast that blocks for ever in the middle of a map', () => {
  const blockAt500 = (n: number) => {
    while (n === 500);
    return n;
  };

  test('holds back neither the results before it nor the tasks behind it, and leaving the loop stops it', async () => {
    await all(pool.map(blockAt500, numbers(400)));
    const seen: number[] = [];
    for await (const n of pool.map(blockAt500, numbers(1_000), { ordered: false })) {
      if (seen.push(n) === 999) break;
    }
    expect(seen.sort((a, b) => a - b)).toEqual(numbers(1_000).filter((n) => n !== 500));
    await whenQuiet();
    expect(await pool.run(double, 4)).toBe(8);
  });

  test('in order: all results before it arrive', async () => {
    await all(pool.map(blockAt500, numbers(400)));
    const seen: number[] = [];
    for await (const n of pool.map(blockAt500, numbers(1_000))) if (seen.push(n) === 500) break;
    expect(seen).toEqual(numbers(500));
    await whenQuiet();
    expect(await pool.run(double, 4)).toBe(8);
  });
});

describe('among hundreds of tiny tasks', () => {
  /** Notes that it runs, then does as it is told. */
  const work = (file: string, n: number, end: 'exit' | 'throw' | 'spin' | 'none') => {
    process.getBuiltinModule('node:fs').appendFileSync(file, `${n}\n`);
    if (end === 'exit') process.exit(5);
    if (end === 'throw') {
      return new Promise<number>(() =>
        setTimeout(() => {
          throw new Error('nobody catches this');
        }),
      );
    }
    while (end === 'spin');
    return n;
  };
  const runsIn = (file: string) => readFileSync(file, 'utf8').trim().split('\n').map(Number);

  test.each([
    ['exit', 'exited', 0],
    ['throw', 'exited', 0],
    ['spin', 'timeout', 400],
  ] as const)(
    'one that ends by %s fails alone; all others run once and give their results',
    async (end, code, timeoutMs) => {
      const file = sandbox.path(`runs-${end}`);
      const bad = new Set([100, 101, 350]);
      await Promise.all(numbers(50).map((n) => pool.run(work, sandbox.path('warm'), n, 'none')));
      const limited = timeoutMs ? pool.with({ timeoutMs }) : pool;
      const settled = await within(
        15_000,
        'all calls to settle',
        Promise.allSettled(numbers(600).map((n) => limited.run(work, file, n, bad.has(n) ? end : 'none'))),
      );
      const outcomes = settled.map((one) =>
        one.status === 'fulfilled' ? one.value : (one.reason as PoolError).code,
      );
      expect(outcomes).toEqual(numbers(600).map((n) => (bad.has(n) ? code : n)));
      expect(runsIn(file).sort((a, b) => a - b)).toEqual(numbers(600));
      await whenQuiet();
    },
  );

  test('a worker is killed: with `retries: 0` every call settles, none runs twice, and the pool goes on', async () => {
    const file = sandbox.path('runs-kill');
    await Promise.all(numbers(50).map((n) => pool.run(work, sandbox.path('warm'), n, 'none')));
    const victim = await pool.run(() => process.pid);
    const once = pool.with({ retries: 0 });
    const calls = numbers(3_000).map((n) => once.run(work, file, n, 'none'));
    const allSettled = Promise.allSettled(calls);
    await calls[500];
    process.kill(victim, 'SIGKILL');
    const settled = await within(15_000, 'all calls to settle', allSettled);
    for (const [n, one] of settled.entries()) {
      if (one.status === 'fulfilled') expect(one.value).toBe(n);
      else expect(one.reason).toMatchObject({ code: 'worker-lost', mayHaveRun: true });
    }
    const runs = runsIn(file);
    expect(new Set(runs).size).toBe(runs.length);
    const succeeded = settled.filter(({ status }) => status === 'fulfilled');
    expect(runs.length).toBeGreaterThanOrEqual(succeeded.length);
    await until('the worker is replaced', async () => {
      const { workers } = await server.status();
      return workers.length === 2 && workers.every(({ pid, phase }) => pid !== victim && phase === 'running');
    });
    expect(await all(pool.map(double, numbers(500)))).toEqual(numbers(500).map(double));
  });
});

test('a script that forgets close() after many calls and a map ends by itself', async () => {
  const { ended } = startScript('forgets-close-after-map.mjs');
  expect(await ended).toEqual({ code: 0, signal: null, out: '999000\n', err: '' });
});
