import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, PoolError, startPool } from 'offhand';
import { poolError, rejection } from '../client/support.js';
import { hold } from '../support/attempts.js';
import { Sandbox } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';

let pool: Pool;
beforeAll(async () => {
  pool = await startPool({ workers: 2 });
});
afterAll(() => pool.close());

const add = (a: number, b: number) => a + b;
const forEver = () => new Promise<never>(() => setInterval(() => undefined, 1_000));
const fail = () => {
  throw Object.assign(new TypeError('no'), { own: 1 });
};

describe('a submitted task', () => {
  test('runs, and its result can be fetched as often as one likes', async () => {
    const task = await pool.submit(add, [2, 3]);
    expect(task.id).toMatch(/^[0-9a-z]{16,64}$/);
    expect(await task.result()).toBe(5);
    expect(await pool.task<number>(task.id).result()).toBe(5);
    expect(await task.state()).toBe('succeeded');
  });

  test('takes and gives what a call does', async () => {
    const values = [
      new Map([[1, new Set([2n])]]),
      new Date(0),
      { self: undefined as unknown, bytes: Buffer.from('x') },
    ];
    const task = await pool.submit((...given: unknown[]) => given, values);
    expect(await task.result()).toEqual(values);
    const large = await pool.submit((text: string) => text.length, ['x'.repeat(1_000_000)]);
    expect(await large.result()).toBe(1_000_000);
  });

  test('that throws fails as it was thrown, and is kept with its reason', async () => {
    const task = await pool.submit(fail, [], { name: 'dead letter' });
    expect(await rejection(task.result())).toMatchObject({ name: 'TypeError', message: 'no', own: 1 });
    const details = await task.details();
    expect(details).toMatchObject({ state: 'failed', failure: { code: 'thrown', message: 'no' } });
    const dead: string[] = [];
    for await (const one of pool.tasks({ state: 'failed', name: 'dead letter' })) dead.push(one.id);
    expect(dead).toEqual([task.id]);
  });

  test('uses what is captured, and modules as calls do', async () => {
    const helper = (n: number) => n * 2;
    const withHelper = pool.with({ capture: { helper } });
    expect(await (await withHelper.submit((n: number) => helper(n), [21])).result()).toBe(42);
  });

  test('is watched from its start to its end', async () => {
    await using sandbox = new Sandbox();
    const [first, second] = [sandbox.path('first'), sandbox.path('second')];
    const before = await pool.submit(hold, [sandbox.path('began'), first]);
    const task = await pool.submit(hold, [sandbox.path('began'), second], { after: [before] });
    const states: string[] = [];
    for await (const event of task) {
      if (event.type !== 'state') continue;
      states.push(event.state);
      if (event.state === 'pending') writeFileSync(first, '');
      if (event.state === 'running') writeFileSync(second, '');
    }
    expect(states).toEqual(['pending', 'running', 'succeeded']);
  });

  test('has limits like a call', async () => {
    const task = await pool.submit(forEver, [], { timeoutMs: 50 });
    expect((await poolError(task.result())).code).toBe('timeout');
    const late = await pool.with({ deadlineMs: 50 }).submit(forEver, []);
    expect((await poolError(late.result())).code).toBe('deadline-exceeded');
  });

  test('that cost its worker is tried again', async () => {
    const { mkdtempSync, rmSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/offhand-test-');
    const task = await pool.submit(
      async (mark: string) => {
        const fs = await import('node:fs');
        if (fs.existsSync(mark)) return 'the second time';
        fs.writeFileSync(mark, '');
        process.kill(process.pid, 'SIGKILL');
        return new Promise<string>(() => undefined);
      },
      [`${folder}/mark`],
    );
    expect(await task.result()).toBe('the second time');
    rmSync(folder, { recursive: true });
  });
});

describe('many tasks', () => {
  test('go together, and all come back', async () => {
    const lists = Array.from({ length: 2_500 }, (_, n): [number, number] => [n, 1]);
    const tasks = await pool.submitMany(add, lists);
    expect(new Set(tasks.map(({ id }) => id)).size).toBe(2_500);
    const results = await Promise.all(tasks.map((task) => task.result()));
    expect(results).toEqual(lists.map(([n]) => n + 1));
  });

  test('are refused in words where they are no lists of arguments', async () => {
    for (const [lists, words] of [
      [5, /lists: expected an iterable of arrays of arguments, got 5/],
      ['ab', /lists: expected an iterable/],
      [{}, /lists: expected an iterable/],
      [null, /lists: expected an iterable/],
      [[[1, 2], 'x'], /args: expected an array of arguments, .*, got "x"/],
    ] as const)
      expect(await poolError(pool.submitMany(add, lists as never))).toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(words) as unknown,
      });
  });

  test('are sent as they come, where they come one by one', async () => {
    const named = pool.with({ name: 'one by one' });
    async function firstIsThrough(): Promise<boolean> {
      for await (const { state } of pool.tasks({ name: 'one by one' })) return state === 'succeeded';
      return false;
    }
    async function* lists(): AsyncGenerator<[number, number]> {
      yield [1, 2];
      await waitFor('the first to have its result before there is a second', firstIsThrough);
      yield [3, 4];
    }
    const tasks = await named.submitMany(add, lists());
    expect(await Promise.all(tasks.map((task) => task.result()))).toEqual([3, 7]);
  });

  test('are listed page after page', async () => {
    const tasks = await pool.submitMany(add, Array(250).fill([1, 2]), { name: 'listed' });
    const listed: string[] = [];
    for await (const one of pool.tasks({ name: 'listed' })) listed.push(one.id);
    expect(listed).toEqual(tasks.map(({ id }) => id).reverse());
    await Promise.all(tasks.map((task) => task.result()));
  });
});

describe('cancelling', () => {
  test('ends a task that waits at once, and stops one that runs', async () => {
    const waiting = await pool.submit(add, [1, 2], { delayMs: 3_600_000 });
    await waiting.cancel();
    expect(await poolError(waiting.result())).toMatchObject({ code: 'cancelled', mayHaveRun: false });
    const running = await pool.submit(forEver, []);
    for await (const event of running)
      if (event.type === 'state' && event.state === 'running') await running.cancel();
    expect(await running.state()).toBe('cancelled');
    expect((await poolError(running.result())).code).toBe('cancelled');
    await running.cancel();
  });

  test('the wait for a result leaves the task alone', async () => {
    const task = await pool.submit(add, [1, 2], { delayMs: 3_600_000 });
    const abort = new AbortController();
    const result = task.result({ signal: abort.signal });
    abort.abort();
    expect(await poolError(result)).toMatchObject({ code: 'cancelled', mayHaveRun: true });
    expect(await task.state()).toBe('pending');
    await task.cancel();
  });
});

describe('what is refused', () => {
  test.each([
    ['not-shippable', () => pool.submit(Math.max, [1])],
    ['not-cloneable', () => pool.submit((a: unknown) => a, [() => 1])],
    ['invalid-argument', () => pool.submit(add, [1, 2], { delayMs: -1 })],
    ['invalid-argument', () => pool.submit(add, [1, 2], { delay: 1 } as never)],
    ['invalid-argument', () => pool.submit(add, [1, 2], { group: { name: 'g' } as never })],
    ['invalid-argument', () => pool.submit(add, 7 as never)],
    ['invalid-argument', () => pool.with({ signal: new AbortController().signal }).submit(add, [1, 2])],
    ['not-found', () => pool.task('a'.repeat(20)).result()],
    ['not-found', () => pool.task('a'.repeat(20)).cancel()],
    ['not-found', () => pool.submit(add, [1, pool.task('a'.repeat(20)) as never])],
  ])('%s', async (code, attempt) => {
    const error = await poolError(Promise.resolve().then(attempt));
    expect(error).toBeInstanceOf(PoolError);
    expect(error.code).toBe(code);
  });

  test.each<[unknown[], string]>([
    [[() => 1], 'args: expected an array of arguments, [] where there are none, got undefined'],
    [[() => 1, [], { delayMs: '1' }], 'delayMs: expected a number of ms, got "1"'],
    [[() => 1, [], { priority: '3' }], 'priority: expected a whole number from -100 to 100, got "3"'],
    [
      [() => 1, [], { retryOn: ['foo'] }],
      `retryOn[0]: expected one of 'worker-lost', 'thrown', 'timeout', got "foo"`,
    ],
    [[() => 1, [], { retries: 1e9 }], 'retries: expected a whole number from 0 to 1,000, got 1000000000'],
    [
      [() => 1, [], { requires: ['a b'] }],
      'requires: expected a tag such as gpu or mem=16g, of at most 64 characters, got "a b"',
    ],
    [
      [() => 1, [], { group: { name: 'g' } }],
      'group.limit: expected a whole number from 1 to 1,000,000, got undefined',
    ],
    [
      [() => 1, [], { after: [7] }],
      'after[0]: expected the handle of a task; `pool.task(id)` gives that of an id, got 7',
    ],
    [[() => 1, [], { startAt: 'soon' }], 'startAt: expected a valid Date, got "soon"'],
  ])('%p in one sentence', async (given, message) => {
    const [fn, args, options] = given as [() => number, [], object];
    expect((await poolError(pool.submit(fn, args, options))).message).toBe(message);
  });

  test.each([
    [{ isolate: true }, 'isolate: a submitted task does not have it; use pool.run, or leave it out'],
    [{ cancelGraceMs: 5 }, 'cancelGraceMs: a submitted task does not have it; use pool.run, or leave it out'],
    [
      { logs: 'silent' },
      'logs: a submitted task does not have it; iterate its handle, or ask it for its logs()',
    ],
    [{ onProgress: () => undefined }, 'onProgress: a submitted task does not have it; iterate its handle'],
  ] as const)('%p, which calls alone have', async (options, message) => {
    expect((await poolError(pool.with(options).submit(add, [1, 2]))).message).toBe(message);
  });

  test('what is asked of a pool that is closed', async () => {
    const closing = await startPool({ workers: 1 });
    const task = await closing.submit(add, [1, 2]);
    expect(await task.result()).toBe(3);
    await closing.close();
    const closed = { code: 'closed', message: 'this pool is closed' };
    for (const ask of [
      () => closing.submit(add, [1, 2]),
      () => task.state(),
      () => task.cancel(),
      () => task.explain(),
    ])
      expect(await poolError(ask())).toMatchObject(closed);
  });

  test('options of the wait for a result that nobody knows', async () => {
    const task = await pool.submit(add, [1, 2]);
    const told = async (options: unknown) => (await poolError(task.result(options as never))).message;
    expect(await told({ timeoutMs: 1 })).toBe('handle.result: unknown option timeoutMs; there are signal');
    expect(await told({ signal: 3 })).toBe('signal: expected an AbortSignal, got 3');
  });
});
