import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { poolError, rejection } from './support.js';

let pool: Pool;
beforeAll(async () => {
  pool = await startPool({ workers: 1 });
});
afterAll(() => pool.close());

describe('what a function throws arrives as it was thrown', () => {
  test('class, message, cause and own fields', async () => {
    const load = () => {
      const cause = Object.assign(new RangeError('below zero'), { limit: 0n });
      throw Object.assign(new TypeError('no such thing', { cause }), { code: 'E_THING', seen: new Set([1]) });
    };
    const error = await rejection(pool.run(load));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      name: 'TypeError',
      message: 'no such thing',
      code: 'E_THING',
      seen: new Set([1]),
    });
    const { cause } = error as Error;
    expect(cause).toBeInstanceOf(RangeError);
    expect(cause).toMatchObject({ message: 'below zero', limit: 0n });
  });

  test('an error that refers to itself', async () => {
    const error = await rejection(
      pool.run(() => {
        const error: Error & { self?: unknown } = new Error('round');
        error.self = { again: error };
        throw error;
      }),
    );
    expect((error as { self: { again: unknown } }).self.again).toBe(error);
  });

  test('an error class of the function’s own keeps its name and fields', async () => {
    const error = await rejection(
      pool.run(() => {
        class HttpError extends Error {
          override name = 'HttpError';
          status = 404;
        }
        throw new HttpError('gone');
      }),
    );
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'HttpError', message: 'gone', status: 404 });
  });

  test('the class of its own, by its name, though it has set none', async () => {
    const error = await rejection(
      pool.run(() => {
        class HttpError extends TypeError {
          readonly status = 404;
        }
        throw new HttpError('gone');
      }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ name: 'TypeError', message: 'gone', status: 404 });
    expect((error as Error).constructor.name).toBe('HttpError');
  });

  test('a system error keeps its code and path', async () => {
    const error = await rejection(
      pool.run(async () => (await import('node:fs')).readFileSync('/no/such/file')),
    );
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open', path: '/no/such/file' });
  });

  test.each([null, undefined, 'only text', 42, 0, false])('%p', async (value) => {
    const rethrow = (thrown: unknown) => {
      throw thrown;
    };
    expect(await rejection(pool.run(rethrow, value))).toBe(value);
  });

  test('a rejected promise is the same as a throw', async () => {
    expect(await rejection(pool.run(() => Promise.reject(new SyntaxError('late'))))).toMatchObject({
      name: 'SyntaxError',
      message: 'late',
    });
  });

  test('an AbortError keeps its message', async () => {
    const error = await rejection(
      pool.run(() => {
        throw new DOMException('it took too long', 'AbortError');
      }),
    );
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'AbortError', message: 'it took too long' });
  });

  test('a field that cannot be copied is left out, the rest arrives', async () => {
    const error = await rejection(
      pool.run(() => {
        throw Object.assign(new TypeError('with a socket'), { code: 'E', socket: { write: () => 1 } });
      }),
    );
    expect(error).toMatchObject({ name: 'TypeError', message: 'with a socket', code: 'E' });
    expect(error).not.toHaveProperty('socket');
  });

  test('what cannot be copied at all arrives in words', async () => {
    const thrown = await rejection(
      pool.run(() => {
        throw function nameless() {};
      }),
    );
    expect(thrown).toMatchObject({ name: 'Error', message: '[Function: nameless]' });
  });

  test('an error with a message or stack that is no text costs nothing but that', async () => {
    const odd = () => {
      throw Object.assign(new Error('x'), { stack: { at: () => 1 } });
    };
    const error = await rejection(pool.run(odd));
    expect(error).toMatchObject({ name: 'Error', message: 'x' });
    const odder = () => {
      const error = new Error('x');
      Object.defineProperty(error, 'message', { value: () => 1 });
      throw error;
    };
    expect(await rejection(pool.run(odder))).not.toMatchObject({ code: 'exited' });
  });
});

describe('a function that does what it should not', () => {
  const pid = () => process.pid;

  test('a result nested too deeply to copy says so', async () => {
    const nest = () => {
      let nested: unknown = 0;
      for (let depth = 0; depth < 100_000; depth++) nested = [nested];
      return nested;
    };
    expect(await poolError(pool.run(nest))).toMatchObject({ code: 'not-cloneable', mayHaveRun: true });
  });

  test('what a task posts to its thread’s parent does not cost the process', async () => {
    const before = await pool.run(pid);
    const post = async () => {
      const { parentPort } = await import('node:worker_threads');
      parentPort?.postMessage(null);
      return 'posted';
    };
    expect(await pool.run(post)).toBe('posted');
    expect(await pool.run(pid)).toBe(before);
  });
});
