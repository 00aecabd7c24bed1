import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { ValueServer } from '../../src/client/direct/value-server.js';
import type { ValueReference } from '../../src/wire/generated/offhand/v1/ValueReference.js';
import { readOnlyToken } from '../../src/wire/access.js';
import { ValuePuller } from '../../src/worker/value-puller.js';
import { rejection, startScript } from './support.js';

const MIB = 1024 * 1024;

/** Bytes that are different everywhere. */
function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = 1; i < length; i++) bytes[i] = (x = (x * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
  return bytes;
}

describe('a value server', () => {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  let folder: string;
  let server: ValueServer;
  const pullers: ValuePuller[] = [];
  const pullerWith = (token: string | undefined) => {
    const puller = new ValuePuller({ token });
    pullers.push(puller);
    return puller;
  };
  const pull = (reference: ValueReference, token: string | undefined = 'the-token') =>
    pullerWith(token).pull({ encoding: 'V8', address: '', key: Buffer.alloc(0), ...reference } as never);
  const offer = (data: Uint8Array): ValueReference => {
    const reference = server.offer({ encoding: 'V8', data });
    if (!reference) throw new Error('the server does not listen');
    return reference;
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
    process.env['XDG_RUNTIME_DIR'] = folder;
    server = new ValueServer({ token: 'the-token' });
    await server.open();
  });
  afterEach(() => {
    server.close();
    for (const puller of pullers.splice(0)) puller.close();
    if (runtime === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtime;
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([0, 1, MIB - 1, MIB, 5 * MIB + 3])('hands out %i bytes as they are', async (length) => {
    const bytes = bytesOf(length);
    const { encoding, data } = await pull(offer(bytes));
    expect(encoding).toBe('V8');
    expect(Buffer.compare(Buffer.from(data), Buffer.from(bytes))).toBe(0);
  });

  test('gives a value to nobody without its key, or without the token', async () => {
    const reference = offer(bytesOf(10));
    const other = { ...reference, key: Buffer.from(reference.key as Buffer).reverse() };
    expect(await rejection(pull(other))).toMatchObject({ code: 'not-found' });
    expect(await rejection(pull({ ...reference, key: Buffer.alloc(0) }))).toMatchObject({
      code: 'not-found',
    });
    expect(await rejection(pull(reference, 'wrong'))).toMatchObject({ code: 'unauthenticated' });
    expect(await rejection(pull(reference, readOnlyToken('the-token')))).toMatchObject({
      code: 'unauthenticated',
    });
    expect(await rejection(pullerWith(undefined).pull(reference as never))).toMatchObject({
      code: 'unauthenticated',
    });
    await expect(pull(reference)).resolves.toBeDefined();
  });

  test('gives every value a key of its own', () => {
    const keys = Array.from({ length: 50 }, () => (offer(bytesOf(1)).key as Buffer).toString('hex'));
    expect(new Set(keys).size).toBe(50);
    expect(keys[0]).toHaveLength(32);
  });

  test('no longer has a value that was withdrawn', async () => {
    const reference = offer(bytesOf(10));
    server.withdraw(reference);
    expect(await rejection(pull(reference))).toMatchObject({ code: 'not-found' });
  });

  test('is not believed when it sends more or less than was said', async () => {
    const reference = offer(bytesOf(10));
    for (const bytes of [9, 11]) {
      expect(await rejection(pull({ ...reference, bytes }))).toMatchObject({ code: 'invalid-argument' });
    }
    expect(await rejection(pull({ ...reference, bytes: 0 }))).toMatchObject({ code: 'invalid-argument' });
    expect(() => pull({ ...reference, bytes: 2 ** 40 })).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
  });

  test('that is gone is named', async () => {
    const reference = offer(bytesOf(10));
    server.close();
    expect(await rejection(pull(reference))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(String(reference.address)) as unknown,
    });
    // Without a path it would be asked of whoever has port 80, with the token of the pool.
    for (const address of ['127.0.0.1:1', 'unix:', 'unix:client.sock', ''])
      expect(await rejection(pull({ ...reference, address }))).toMatchObject({ code: 'invalid-argument' });
  });

  test('hangs up in the middle of a value when it closes', async () => {
    const whole = pull(offer(bytesOf(64 * MIB)));
    setImmediate(() => server.close());
    expect(await rejection(whole)).toMatchObject({ code: 'unavailable' });
  });

  test('leaves no socket behind', () => {
    const path = String(offer(bytesOf(1)).address).replace('unix:', '');
    expect(existsSync(path)).toBe(true);
    server.close();
    expect(existsSync(path)).toBe(false);
    expect(server.offer({ encoding: 'V8', data: bytesOf(1) })).toBeUndefined();
  });
});

describe('large arguments', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 2 });
  });
  afterAll(() => pool.close());

  const sum = (array: Float64Array) => array.reduce((total, x) => total + x, 0);

  test('arrive whole, many at once, each at its own task', async () => {
    const arrays = Array.from({ length: 12 }, (_, i) => new Float64Array(100_000).fill(i));
    expect(await Promise.all(arrays.map((array) => pool.run(sum, array)))).toEqual(
      arrays.map((_, i) => i * 100_000),
    );
  });

  test('are copied when the call is made', async () => {
    const array = new Float64Array(100_000).fill(1);
    const result = pool.run(sum, array);
    array.fill(2);
    expect(await result).toBe(100_000);
  });

  test('of a call that was given up are nobody’s any more, and the pool goes on', async () => {
    const controller = new AbortController();
    const array = new Float64Array(1_000_000);
    const calls = Array.from({ length: 8 }, () => pool.with({ signal: controller.signal }).run(sum, array));
    setImmediate(() => controller.abort());
    for (const call of calls) expect(await rejection(call)).toMatchObject({ code: 'cancelled' });
    expect(await pool.run(sum, new Float64Array(50_000).fill(1))).toBe(50_000);
  });
});

test('a script that forgets close() after a large argument ends by itself', async () => {
  const { ended } = startScript('forgets-close-after-large.mjs');
  expect(await ended).toEqual({ code: 0, signal: null, out: '200000\n', err: '' });
});
