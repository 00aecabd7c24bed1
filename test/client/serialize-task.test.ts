import { describe, expect, test } from '@jest/globals';
import { serializeTask } from '../../src/client/serialize-task.js';
import { HttpFixture } from '../support/http.js';

const pool = new HttpFixture(['1']);

/** What a serialized task comes to. */
async function outcomeOf(task: string): Promise<Record<string, unknown>> {
  const { status, text, body } = await pool.http.ask('/submit_task', { body: { task } });
  expect({ status, text }).toEqual({ status: 202, text: expect.any(String) });
  return (await pool.http.result(String(body['task_id']))).body;
}

describe('a serialized task', () => {
  test('is JSON that can be read by anybody', () => {
    expect(JSON.parse(serializeTask((x: number, y: number) => x + y, 3, 4))).toEqual({
      offhand: 1,
      name: 'anonymous',
      source: '(x, y)=>x + y',
      arguments: [3, 4],
    });
  });

  test('runs on a pool', async () => {
    expect(await outcomeOf(serializeTask((x: number, y: number) => x + y, 3, 4))).toMatchObject({
      result: 7,
    });
  });

  test('keeps arguments that JSON would bend', async () => {
    const args = [new Date(5), new Map([[1, { deep: [undefined, -0] }]]), 7n, [1, , 3]] as const;
    const task = serializeTask(
      (at, map, big, gaps) => [
        at instanceof Date,
        map.get(1) !== undefined && Object.is(map.get(1)?.deep[1], -0),
        typeof big,
        1 in gaps,
      ],
      ...args,
    );
    expect((await outcomeOf(task))['result']).toEqual([true, true, 'bigint', false]);
  });

  test('takes along what it captures, and its options', async () => {
    const rates = { EUR: 2 };
    const double = (n: number) => n * 2;
    const capture = { rates, double };
    const task = serializeTask.with({ name: 'priced', retries: 0 }).with({ capture, timeoutMs: 5_000 })(
      (n: number) => double(n) * rates.EUR,
      10,
    );
    expect(JSON.parse(task)).toMatchObject({
      name: 'priced',
      options: { name: 'priced', retries: 0, timeout_ms: 5_000 },
      parts: [{ kind: 'DATA', name: 'rates' }],
    });
    expect(await outcomeOf(task)).toMatchObject({ result: 40 });
  });

  test('shows people its function as it is written, and arguments that are no JSON in words', async () => {
    const rates = { EUR: 2 };
    const task = serializeTask.with({ capture: { rates } })((at: Date) => [at, rates.EUR], new Date(0));
    const { status, body } = await pool.http.ask('/submit_task', { body: { task } });
    expect(status).toBe(202);
    expect((await pool.http.ask(`/v1/tasks/${String(body['task_id'])}`)).body).toMatchObject({
      source: expect.stringMatching(/^\(at\)\s*=>\[\s*at,\s*rates\.EUR\s*\]$/),
      preview: '1970-01-01T00:00:00.000Z',
    });
  });

  test('that is cut short by its own limit has its failure', async () => {
    const task = serializeTask.with({ timeoutMs: 50 })(() => {
      for (;;);
    });
    expect(await outcomeOf(task)).toMatchObject({ state: 'failed', failure: { code: 'timeout' } });
  });
});

describe('what cannot be serialized is refused', () => {
  const outside = 1;

  test('a function that uses what is around it, with what to do', () => {
    expect(() => serializeTask(() => outside)).toThrow(
      /uses `outside` from outside; pass it with `serializeTask\.with\(\{ capture: \{ outside \} \}\)`/,
    );
  });

  test('values that cannot be copied', () => {
    expect(() => serializeTask((value: unknown) => value, { a: [() => 1] })).toThrow(
      expect.objectContaining({ code: 'not-cloneable' }),
    );
  });

  test.each([
    [{ timeoutMs: -1 }, /^timeoutMs: expected/],
    [{ key: 'k' }, /^serializeTask\.with: .*key/],
    [{ capture: 3 }, /^capture: expected/],
  ])('options %j', (options, message) => {
    expect(() => serializeTask.with(options as object)).toThrow(message);
  });
});
