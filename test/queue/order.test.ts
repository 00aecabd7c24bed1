import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { hold } from '../support/attempts.js';
import { poolError, rejection } from '../client/support.js';

let pool: Pool;
beforeAll(async () => {
  pool = await startPool({ workers: 1, slots: 2 });
});
afterAll(() => pool.close());

/** When it began and ended, by the one clock of this machine; a group's tasks are told apart by their times. */
const span = async (ms: number) => {
  const from = Date.now();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { from, to: Date.now() };
};
const existsSyncOf = (file: string) => process.getBuiltinModule('node:fs').existsSync(file);
const add = (a: number, b: number) => a + b;

describe('a delay', () => {
  test('keeps a task waiting, by delayMs and by startAt', async () => {
    const submittedAt = Date.now();
    const tasks = [
      await pool.submit(span, [0], { delayMs: 200 }),
      await pool.submit(span, [0], { startAt: new Date(submittedAt + 200) }),
    ];
    for (const task of tasks) expect((await task.result()).from - submittedAt).toBeGreaterThanOrEqual(199);
  });

  test('is told while it lasts', async () => {
    const task = await pool.submit(span, [0], { delayMs: 3_600_000 });
    const { state, delayMs } = await task.details();
    expect(state).toBe('pending');
    expect(delayMs).toBeGreaterThan(3_000_000);
    expect(delayMs).toBeLessThanOrEqual(3_600_000);
    await task.cancel();
  });
});

describe('an idempotency key', () => {
  test('gives the task that is there, also from another call', async () => {
    const key = 'only once';
    const [one, two] = await Promise.all([
      pool.submit(add, [1, 1], { key }),
      pool.submit(add, [2, 2], { key }),
    ]);
    expect(two.id).toBe(one.id);
    expect(await two.result()).toBe(2);
    expect((await pool.submit(add, [3, 3], { key })).id).toBe(one.id);
  });
});

describe('a group', () => {
  test('runs no more than its limit at a time', async () => {
    const tasks = await pool.submitMany(span, Array<[number]>(4).fill([20]), {
      group: { name: 'one', limit: 1 },
    });
    const spans = await Promise.all(tasks.map((task) => task.result()));
    spans.sort((a, b) => a.from - b.from);
    for (let i = 1; i < spans.length; i++) expect(spans[i]!.from).toBeGreaterThanOrEqual(spans[i - 1]!.to);
  });
});

describe('tasks that come after others', () => {
  test('get the results of those among their arguments, whatever these are', async () => {
    const map = await pool.submit(() => new Map([[1n, { at: new Date(0) }]]), []);
    const large = await pool.submit((n: number) => 'x'.repeat(n), [300_000]);
    const both = await pool.submit(
      (a: Map<bigint, { at: Date }>, b: string, c: number) => [a.get(1n)?.at, b.length, c] as const,
      [map, large, 7],
    );
    expect(await both.result()).toEqual([new Date(0), 300_000, 7]);
  });

  test('begin when those have ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
    const [began, gate] = [join(folder, 'began'), join(folder, 'gate')];
    const first = await pool.submit(hold, [began, gate]);
    const second = await pool.submit(existsSyncOf, [gate], { after: [first] });
    expect((await second.details()).after).toEqual([first.id]);
    writeFileSync(gate, '');
    expect(await second.result()).toBe(true);
    rmSync(folder, { recursive: true });
  });

  test('end as those did, without being run', async () => {
    const fails = await pool.submit((): number => {
      throw new RangeError('no');
    }, []);
    const after = await pool.submit(add, [fails, 1]);
    const last = await pool.submit(add, [after, 1]);
    expect(await rejection(last.result())).toMatchObject({ name: 'RangeError', message: 'no' });
    expect(await last.details()).toMatchObject({ state: 'failed', attempt: 0 });
    const waiting = await pool.submit(add, [1, 1], { delayMs: 3_600_000 });
    const behind = await pool.submit(add, [waiting, 1]);
    await waiting.cancel();
    expect((await poolError(behind.result())).code).toBe('cancelled');
  });

  test('of one that has failed already end at once; another try brings both through', async () => {
    const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/offhand-test-');
    const flag = `${folder}/flag`;
    const first = await pool.submit(
      async (path: string) => {
        const { readFileSync } = await import('node:fs');
        return Number(readFileSync(path, 'utf8'));
      },
      [flag],
    );
    await rejection(first.result());
    const second = await pool.submit(add, [first, 1]);
    await rejection(second.result());
    writeFileSync(flag, '41');
    await first.retry();
    expect(await first.result()).toBe(41);
    await second.retry();
    expect(await second.result()).toBe(42);
    expect((await poolError(second.retry())).code).toBe('invalid-argument');
    rmSync(folder, { recursive: true });
  });
});

describe('priority', () => {
  test('goes before what was submitted earlier', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
    const gates = ['one', 'other'].map((name) => join(folder, name)) as [string, string];
    // Of two slots one stays busy: what ran beside one another would not show an order.
    const blockers = await pool.submitMany(
      hold,
      gates.map((gate) => [join(folder, 'began'), gate]),
    );
    for (const blocker of blockers)
      for await (const event of blocker) if (event.type === 'state' && event.state === 'running') break;
    const low = await pool.submitMany(span, Array<[number]>(4).fill([1]), { priority: -5 });
    const high = await pool.submit(span, [1], { priority: 5 });
    writeFileSync(gates[0], '');
    const { from } = await high.result();
    const later = await Promise.all(low.map((task) => task.result()));
    expect(later.filter((one) => one.from < from)).toEqual([]);
    writeFileSync(gates[1], '');
    await Promise.all(blockers.map((task) => task.result()));
    rmSync(folder, { recursive: true });
  });
});
