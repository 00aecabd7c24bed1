/* eslint @typescript-eslint/unbound-method: 'off' -- methods are sent without their objects here */
import type Zlib from 'node:zlib';
import type * as LruCache from 'lru-cache';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { poolError } from './support.js';

let pool: Pool;
beforeAll(async () => {
  pool = await startPool({ workers: 2 });
});
afterAll(() => pool.close());

describe('what a function may be', () => {
  test('it gets its arguments and its result comes back', async () => {
    expect(await pool.run((a: number, b: number) => a + b, 2, 3)).toBe(5);
  });

  test('an async function is awaited', async () => {
    expect(await pool.run(async (text: string) => Promise.resolve(text.toUpperCase()), 'a')).toBe('A');
  });

  test('helpers inside it travel with it', async () => {
    const countPrimes = (max: number) => {
      let count = 0;
      for (let i = 2; i < max; i++) if (isPrime(i)) count++;
      return count;
      function isPrime(n: number) {
        for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
        return true;
      }
    };
    expect(await pool.run(countPrimes, 1_000)).toBe(168);
  });

  test('a method, an async method and a static method run as well', async () => {
    const shapes = {
      area(side: number) {
        return side * side;
      },
      async volume(side: number) {
        return Promise.resolve(side ** 3);
      },
      function() {
        return 'named like a keyword';
      },
      'a quoted name'() {
        return 'quoted';
      },
    };
    class Shapes {
      static perimeter(side: number) {
        return 4 * side;
      }
    }
    expect(await pool.run(shapes.area, 3)).toBe(9);
    expect(await pool.run(shapes.volume, 3)).toBe(27);
    expect(await pool.run(shapes.function)).toBe('named like a keyword');
    expect(await pool.run(shapes['a quoted name'])).toBe('quoted');
    expect(await pool.run(Shapes.perimeter, 3)).toBe(12);
  });

  test('default and rest parameters work', async () => {
    expect(await pool.run((a: number, b: number = 10) => a + b, 1)).toBe(11);
    expect(await pool.run((a: number, b: number = 10) => a + b, 1, 2)).toBe(3);
    expect(await pool.run((...all: number[]) => all.length, 1, 2, 3)).toBe(3);
  });

  test('import() and require() inside it load what Node has built in', async () => {
    const hash = async (text: string) => {
      const { createHash } = await import('node:crypto');
      return createHash('sha256').update(text).digest('hex').slice(0, 8);
    };
    expect(await pool.run(hash, 'offhand')).toHaveLength(8);
    const gunzip = () => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- that is what is tried
      const zlib = require('node:zlib') as typeof Zlib;
      return zlib.gunzipSync(zlib.gzipSync('text')).toString();
    };
    expect(await pool.run(gunzip)).toBe('text');
  });

  test('import() and require() resolve packages from the working folder', async () => {
    const viaImport = async () => typeof (await import('lru-cache')).LRUCache;
    expect(await pool.run(viaImport)).toBe('function');
    const viaRequire = () => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- that is what is tried
      return typeof (require('lru-cache') as typeof LruCache).LRUCache;
    };
    expect(await pool.run(viaRequire)).toBe('function');
  });

  test('one that uses a variable around it is refused, and the error says which', async () => {
    const outside = 5;
    const error = await poolError(pool.run(() => outside + 1));
    expect(error).toMatchObject({
      code: 'not-shippable',
      message: expect.stringMatching(/uses `outside` from outside/),
    });
  });
});

describe('what cannot be sent is refused in a sentence', () => {
  const refusal = async (fn: unknown) => {
    const { code, message, mayHaveRun } = await poolError(pool.run(fn as () => unknown));
    expect({ code, mayHaveRun }).toEqual({ code: 'not-shippable', mayHaveRun: false });
    return message;
  };

  test('a function made by bind()', async () => {
    const bound = function total(this: { n: number }) {
      return this.n;
    }.bind({ n: 1 });
    expect(await refusal(bound)).toMatch(/^`bound total` was made by bind\(\)/);
  });

  test('a function of Node itself', async () => {
    expect(await refusal(Math.max)).toMatch(/^`max` is built into Node/);
  });

  test('a class', async () => {
    expect(await refusal(class Parser {})).toMatch(/^`Parser` is a class; .*new Parser/);
  });

  test('what is no function', async () => {
    expect(await refusal(undefined)).toBe('expected a function to run, got undefined');
    expect(await refusal('x => x')).toBe('expected a function to run, got string');
    expect(await refusal(null)).toBe('expected a function to run, got null');
  });

  test('a method that needs its class', async () => {
    class Secret {
      #value = 1;
      read() {
        return this.#value;
      }
    }
    expect(await refusal(Secret.prototype.read)).toMatch(
      /^`read` uses #value, which only code inside its class may; /,
    );
  });

  test('a getter, which is no function of its own, is not evaluated on the worker', async () => {
    const getter = Object.getOwnPropertyDescriptor(
      {
        get area() {
          return () => 'the getter was run';
        },
      },
      'area',
    )?.get;
    expect(await poolError(pool.run(getter as () => unknown))).toMatchObject({ code: 'not-shippable' });
  });

  test('an argument that cannot be cloned, naming the path to it', async () => {
    const settle = (options: object) => options;
    const given = { steps: [{ done: true }, { onDone: () => 1 }] };
    expect(await poolError(pool.run(settle, given))).toMatchObject({
      code: 'not-cloneable',
      mayHaveRun: false,
      message:
        '`settle`: arguments[0].steps[1].onDone is a function (onDone), which cannot be copied to another process',
    });
    const promised = await poolError(pool.run((p: unknown) => p, Promise.resolve(1)));
    expect(promised.message).toMatch(/arguments\[0\] is a Promise \(await it first\)/);
  });

  test('a result that cannot be cloned; the function has run by then', async () => {
    expect(await poolError(pool.run(() => ({ step: () => 1 })))).toMatchObject({
      code: 'not-cloneable',
      mayHaveRun: true,
      message: 'the result.step is a function (step), which cannot be copied to another process',
    });
  });
});

test('of 500 calls at once each settles with its own result or error', async () => {
  const odd = (n: number) => {
    if (n % 2) throw new RangeError(`${n} is odd`);
    return n * 2;
  };
  const settled = await Promise.allSettled(Array.from({ length: 500 }, (_, index) => pool.run(odd, index)));
  const expected = (_: unknown, index: number): unknown =>
    index % 2 ? `RangeError: ${index} is odd` : index * 2;
  expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual(
    Array.from({ length: 500 }, expected),
  );
});
