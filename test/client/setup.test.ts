import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, PoolError, startPool } from 'offhand';
import { attemptsIn } from '../support/attempts.js';
import { poolError } from './support.js';

// Each test has names of its own on globalThis: threads are shared.
type State = Record<string, unknown[] | undefined>;

/** Keeps a list on globalThis, to which it adds. */
const note = (key: string, value: unknown) => {
  const state = globalThis as unknown as State;
  (state[key] ??= []).push(value);
};
const noted = (key: string) => (globalThis as unknown as State)[key];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([false, true])('a setup, with inline: %p', (inline) => {
  let root: Pool;
  beforeAll(async () => {
    root = await startPool({ workers: 1, inline });
  });
  afterAll(() => root.close());
  /** A pool of the test's own, on the same worker. */
  const own = () => root.with({});

  test('runs once, before the first call, with its arguments', async () => {
    const pool = own();
    await pool.setup(note, `first-${inline}`, { rate: 2n });
    expect(await pool.run(noted, `first-${inline}`)).toEqual([{ rate: 2n }]);
    expect(await pool.run((key: string) => noted(key), 'x').catch((error: Error) => error.message)).toMatch(
      /uses `noted` from outside/,
    );
    expect(await pool.run(noted, `first-${inline}`)).toEqual([{ rate: 2n }]);
    const lengths: unknown[] = [];
    for await (const list of pool.map(noted, Array<string>(50).fill(`first-${inline}`)))
      lengths.push(list?.length);
    expect(lengths).toEqual(Array(50).fill(1));
  });

  test('may return a promise, and be given what it needs', async () => {
    const key = `async-${inline}`;
    const pool = own();
    const load = async (name: string) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      keep(name, table.size);
    };
    const table = new Map([['a', 1]]);
    const keep = note;
    await pool.with({ capture: { keep, table } }).setup(load, key);
    // It belongs to the pool that it was given to, and to no other.
    expect(await pool.run(noted, key)).toBeUndefined();
    const captured = pool.with({ capture: { keep, table } });
    await captured.setup(load, key);
    expect(await captured.run(noted, key)).toEqual([1]);
  });

  test('comes after those before it, and not twice', async () => {
    const key = `order-${inline}`;
    const pool = own();
    const later = pool.with({ priority: 1 });
    await pool.setup(note, key, 'one');
    expect(await later.run(noted, key)).toEqual(['one']);
    await pool.setup(note, key, 'two');
    await pool.setup(note, key, 'one');
    await later.setup(note, key, 'two');
    await later.setup(note, key, 'three');
    expect(await later.run(noted, key)).toEqual(['one', 'two', 'three']);
    expect(await pool.run(noted, key)).toEqual(['one', 'two', 'three']);
  });

  test('that fails is the failure of the calls that need it, by its name, and is tried again', async () => {
    const pool = own();
    const loadModel = (path: string) => {
      const state = globalThis as { tries?: number };
      state.tries = (state.tries ?? 0) + 1;
      if (state.tries < 3) throw new RangeError(`no model at ${path}`);
    };
    await pool.setup(loadModel, '/models/a');
    const resize = () => 'resized';
    const error = await poolError(pool.run(resize));
    expect(error).toMatchObject({
      code: 'setup-failed',
      message:
        '`resize` was not begun, because the setup `loadModel` of its pool failed: RangeError: no model at /models/a',
      mayHaveRun: false,
    });
    expect(error.cause).toMatchObject({ name: 'RangeError', message: 'no model at /models/a' });
    expect(await pool.with({ retries: 1 }).run(resize)).toBe('resized');
    await root.run(() => void delete (globalThis as { tries?: number }).tries);
  });

  test('has a time limit of its own, and does not use up that of a call', async () => {
    const key = `limit-${inline}`;
    const pool = own();
    const slow = async (name: string) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      (globalThis as unknown as State)[name] = [];
    };
    const limited = pool.with({ timeoutMs: 250 });
    await pool.setup(slow, key);
    expect(await limited.run(noted, key)).toEqual([]);
    const stuck = own().with({ timeoutMs: 50 });
    await stuck.setup(() => new Promise((resolve) => setTimeout(resolve, 500)));
    expect(await poolError(stuck.run(() => 1))).toMatchObject({
      code: 'timeout',
      message: '`setup anonymous` ran longer than its timeoutMs of 50',
    });
  });

  test('that cannot be sent is refused at once', async () => {
    const outside = 1;
    expect(await poolError(own().setup(() => outside))).toMatchObject({ code: 'not-shippable' });
    expect(
      await poolError(
        own().setup(
          (x: unknown) => x,
          () => 1,
        ),
      ),
    ).toMatchObject({ code: 'not-cloneable' });
  });
});

describe('a setup on workers', () => {
  test('runs in each slot, in threads that are replaced, and on workers that are', async () => {
    const file = join(folder, 'setups');
    await using pool = await startPool({ workers: 2, slots: 2 });
    await pool.setup((path: string) => {
      const { threadId } = process.getBuiltinModule('node:worker_threads');
      process.getBuiltinModule('node:fs').appendFileSync(path, `${process.pid}${threadId}\n`);
      (globalThis as { isSetUp?: boolean }).isSetUp = true;
    }, file);
    const meet = async (count: number, path: string) => {
      const { appendFileSync, readFileSync } = process.getBuiltinModule('node:fs');
      appendFileSync(path, 'here\n');
      while (readFileSync(path, 'utf8').length < 5 * count)
        await new Promise((resolve) => setTimeout(resolve, 5));
      return (globalThis as { isSetUp?: boolean }).isSetUp;
    };
    const everywhere = (name: string) =>
      Promise.all([1, 2, 3, 4].map(() => pool.run(meet, 4, join(folder, name))));
    expect(await everywhere('first')).toEqual([true, true, true, true]);
    expect(new Set(attemptsIn(file)).size).toBe(4);
    expect(attemptsIn(file)).toHaveLength(4);

    expect(await poolError(pool.run(() => process.exit(1)))).toMatchObject({ code: 'exited' });
    expect(await everywhere('second')).toEqual([true, true, true, true]);
    expect(attemptsIn(file)).toHaveLength(5);

    const die = () => void process.kill(process.pid, 'SIGKILL');
    expect(await poolError(pool.with({ retries: 0 }).run(die))).toMatchObject({ code: 'worker-lost' });
    expect(await everywhere('third')).toEqual([true, true, true, true]);
    expect(attemptsIn(file)).toHaveLength(7);
  });

  test('that ends its thread is the failure of the call that needed it', async () => {
    await using pool = await startPool({ workers: 1 });
    const other = pool.with({});
    const broken = pool.with({});
    await broken.setup(function leave() {
      process.exit(3);
    });
    expect(await poolError(broken.run(() => 1))).toMatchObject({
      code: 'exited',
      message: '`setup leave` ended its thread with process.exit(3); return or throw instead',
    });
    const endless = pool.with({});
    await endless.setup(() => new Promise(() => undefined));
    expect(await poolError(endless.run(() => 1))).toMatchObject({
      code: 'setup-failed',
      message: expect.stringMatching(/waits for a promise that nothing is left to settle/),
    });
    expect(await other.run(() => 'well')).toBe('well');
  });

  test('runs for submitted tasks and in isolated threads too', async () => {
    await using pool = await startPool({ workers: 1 });
    await pool.setup(() => void ((globalThis as { isSetUp?: string }).isSetUp = 'yes'));
    const ask = () => (globalThis as { isSetUp?: string }).isSetUp;
    expect(await (await pool.submit(ask, [])).result()).toBe('yes');
    expect(await pool.with({ isolate: true }).run(ask)).toBe('yes');
    expect(await pool.run(ask)).toBe('yes');
  });

  test('names its own file and line where it throws', async () => {
    await using pool = await startPool({ workers: 1 });
    await pool.setup(() => {
      throw new Error('no luck');
    });
    const error = await poolError(pool.run(() => 1));
    expect(error).toBeInstanceOf(PoolError);
    expect((error.cause as Error).stack).toMatch(/setup\.test\.ts:\d+:\d+/);
  });
});
