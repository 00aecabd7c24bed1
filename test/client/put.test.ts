import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Pool, startPool } from 'offhand';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { poolError } from './support.js';

const size = (bytes: Uint8Array) => bytes.length;
const first = (bytes: Uint8Array) => bytes[0];

describe.each([false, true])('a value that was put, with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 2, inline });
  });
  afterAll(() => pool.close());

  test('is an argument of run, map and stream, at any place, as often as one likes', async () => {
    const bytes = await pool.put(Buffer.alloc(300_000, 7));
    const table = await pool.put(new Map([['a', { deep: [1, undefined] }]]));
    const look = (before: string, given: Buffer, more: Map<string, unknown>, after: number) => [
      before,
      given.length,
      Buffer.isBuffer(given) && given[299_999],
      more.get('a'),
      after,
    ];
    for (let n = 0; n < 5; n++)
      expect(await pool.run(look, 'x', bytes, table, n)).toEqual([
        'x',
        300_000,
        7,
        { deep: [1, undefined] },
        n,
      ]);
    const sizes: number[] = [];
    for await (const one of pool.map(size, [bytes, Buffer.alloc(3), bytes])) sizes.push(one);
    expect(sizes).toEqual([300_000, 3, 300_000]);
    const parts = function* (given: Buffer) {
      for (let at = 0; at < 3; at++) yield given.subarray(at, at + 1);
    };
    const seen: number[][] = [];
    for await (const part of pool.stream(parts, bytes)) seen.push([...part]);
    expect(seen).toEqual([[7], [7], [7]]);
    expect(await pool.with({ isolate: true }).run(size, bytes)).toBe(300_000);
  });

  test('is of the same kind as it was given', async () => {
    const kindOf = (value: unknown) =>
      Object.prototype.toString.call(value) + (Buffer.isBuffer(value) ? ' Buffer' : '');
    const values = [
      Buffer.from('b'),
      new Float64Array([1.5]),
      new DataView(new ArrayBuffer(2)),
      new ArrayBuffer(1),
      [1],
      null,
      'text',
    ];
    for (const value of values) expect(await pool.run(kindOf, await pool.put(value))).toBe(kindOf(value));
    const [whole, ...parts] = [new Uint16Array([1, 2, 3]), new Uint16Array([1, 2, 3]).subarray(1)];
    expect(await pool.run((array: Uint16Array) => [...array], await pool.put(whole))).toEqual([1, 2, 3]);
    for (const part of parts)
      expect(await pool.run((array: Uint16Array) => [...array], await pool.put(part))).toEqual([2, 3]);
  });

  test('is copied when it is put', async () => {
    const bytes = Buffer.alloc(10, 1);
    const reference = await pool.put(bytes);
    bytes.fill(2);
    expect(await pool.run(first, reference)).toBe(1);
    expect(reference.bytes).toBe(10);
  });

  test('may be given back: the result is a copy', async () => {
    const reference = await pool.put(Buffer.from('abcdef'));
    const result = await pool.run(
      (bytes: Buffer) => ({ whole: bytes, part: bytes.subarray(1, 3) }),
      reference,
    );
    expect(result).toEqual({ whole: Buffer.from('abcdef'), part: Buffer.from('bc') });
    expect(result.whole.buffer).toBeInstanceOf(ArrayBuffer);
  });

  test('that was released is refused in a sentence; calls made before still have it', async () => {
    const reference = await pool.put(Buffer.alloc(200_000, 5));
    const before = Promise.all(Array.from({ length: 20 }, () => pool.run(first, reference)));
    reference.release();
    reference.release();
    expect(await before).toEqual(Array.from({ length: 20 }, () => 5));
    const error = await poolError(pool.run((_: number, bytes: Buffer) => bytes, 1, reference));
    expect(error).toMatchObject({ code: 'invalid-argument', mayHaveRun: false });
    expect(error.message).toBe(
      'arguments[1]: this value of pool.put was released, or its pool closed; put it again',
    );
  });

  test('is released with its pool', async () => {
    const own = await startPool({ workers: 1, inline });
    const reference = await own.put([1]);
    await own.close();
    expect(await poolError(pool.run((list: number[]) => list, reference))).toMatchObject({
      message: expect.stringMatching(/was released, or its pool closed/),
    });
    expect(await poolError(own.put(1))).toMatchObject({ code: 'closed' });
  });

  test('can be an argument by itself, and nothing else', async () => {
    const reference = await pool.put([1]);
    const error = await poolError(pool.run((given: unknown) => given, { list: [reference] }));
    expect(error.code).toBe('not-cloneable');
    expect(error.message).toMatch(
      /arguments\[0\]\.list\[0\] is a value of pool\.put \(pass it as an argument by itself\)/,
    );
  });

  test('cannot be bytes that were given away', async () => {
    const bytes = new Uint8Array(8);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    const error = await poolError(pool.put(bytes));
    expect(error.code).toBe('not-cloneable');
    expect(error.message).toMatch(/^the value is a detached buffer/);
  });

  test('cannot be what cannot be copied', async () => {
    expect(await poolError(pool.put({ send: [() => 1] }))).toMatchObject({
      code: 'not-cloneable',
      message: expect.stringMatching(/^the value\.send\[0\] is a function/),
    });
  });
});

describe('on a worker of several slots', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, slots: 2 });
  });
  afterAll(() => pool.close());

  test('bytes are in memory that all of them share', async () => {
    const reference = await pool.put(new Int32Array(50_000));
    const meet = (shared: Int32Array, own: number, other: number) => {
      shared[own] = own;
      while (Atomics.load(shared, other) !== other);
      return process.pid;
    };
    const [left, right] = await Promise.all([
      pool.run(meet, reference, 1, 2),
      pool.run(meet, reference, 2, 1),
    ]);
    expect(left).toBe(right);
  });

  test('another value is decoded once in each, for all tasks', async () => {
    const reference = await pool.put({ calls: 0 });
    const count = (given: { calls: number }) => (given.calls += 1);
    const counts: number[] = [];
    for (let n = 0; n < 10; n++) counts.push(await pool.run(count, reference));
    expect(Math.max(...counts)).toBeGreaterThanOrEqual(5);
  });

  test('a worker that has taken the place of another is sent it too', async () => {
    const reference = await pool.put(Buffer.alloc(1_000_000, 3));
    const fall = (bytes: Buffer) => {
      if (__offhand.attempt === 1) process.kill(process.pid, 'SIGKILL');
      return bytes[0];
    };
    expect(await pool.run(first, reference)).toBe(3);
    expect(await pool.run(fall, reference)).toBe(3);
  });
});

test('a submitted task refuses it, since the task outlives the client', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1']);
  await using pool = await connect(server.address, { token: server.token });
  const reference = await pool.put([1]);
  const error = await poolError(pool.submit((list: number[]) => list, [reference as unknown as number[]]));
  expect(error.code).toBe('invalid-argument');
  expect(error.message).toBe(
    'args[0]: a value of pool.put ends with this pool, which a submitted task outlives; submit the value itself',
  );
  await server.stop();
});
