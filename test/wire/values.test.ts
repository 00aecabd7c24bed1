import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeClone, encodeClone } from '../../src/wire/values/clone.js';
import { describeValue } from './describe-value.js';

function roundTrip<T>(value: T): T {
  return decodeClone(encodeClone(value, 'value')) as T;
}

/** Passes when the round trip gives what structured clone gives. */
function expectClone(value: unknown): void {
  expect(describeValue(roundTrip(value))).toBe(describeValue(structuredClone(value)));
}

const leaf = fc.anything({
  maxDepth: 0,
  withBigInt: true,
  withDate: true,
  withBoxedValues: true,
  withTypedArray: true,
});

/** Any graph: a list of containers, then edges between them, so that cycles and sharing are the rule. */
const graph = fc
  .record({
    kinds: fc.array(fc.constantFrom('object', 'array', 'map', 'set'), { minLength: 1, maxLength: 8 }),
    edges: fc.array(fc.tuple(fc.nat(99), fc.nat(99), fc.string({ maxLength: 3 }), leaf), { maxLength: 20 }),
  })
  .map(({ kinds, edges }) => {
    const nodes = kinds.map((kind) =>
      kind === 'object' ? {} : kind === 'array' ? [] : kind === 'map' ? new Map() : new Set(),
    );
    for (const [from, to, key, value] of edges) {
      const source: unknown = nodes[from % nodes.length];
      for (const target of [nodes[to % nodes.length], value]) {
        if (Array.isArray(source)) source.push(target);
        else if (source instanceof Map) source.set(target, key).set(key, target);
        else if (source instanceof Set) source.add(target);
        else
          Object.defineProperty(source, key, {
            value: target,
            enumerable: true,
            configurable: true,
            writable: true,
          });
      }
    }
    return nodes[0];
  });

describe('a value comes back as structured clone would give it', () => {
  test('whatever is put together from what can be cloned', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
    });
    fc.assert(fc.property(anything, expectClone), { numRuns: 400 });
  });

  test('graphs with cycles and shared parts', () => {
    fc.assert(fc.property(graph, expectClone), { numRuns: 300 });
  });

  const holes = [1, , 3, , ,];
  const examples: [name: string, value: unknown][] = [
    ['undefined', undefined],
    ['-0', -0],
    ['NaN', NaN],
    ['BigInts', [0n, -1n, 2n ** 70n]],
    ['a lone surrogate', '\ud800'],
    ['a sparse array', holes],
    ['an array with a name', Object.assign([1], { name: 'x' })],
    ['an invalid date', new Date(NaN)],
    ['regular expressions', [/a+/giu, new RegExp('/', 'y')]],
    ['boxed values', [Object(1), Object('s'), Object(true), Object(2n)]],
    ['a Map in a Map', new Map([[new Map([[1, 2]]), new Set([NaN, -0])]])],
    [
      'typed arrays',
      [new Float64Array([1.5, -0]), new BigUint64Array([2n ** 64n - 1n]), new Uint8ClampedArray([300])],
    ],
    ['an ArrayBuffer and an empty one', [new Uint8Array([1, 2]).buffer, new ArrayBuffer(0)]],
    ['an object without prototype', Object.create(null)],
    [
      'an instance of a class',
      new (class Point {
        x = 1;
        get y() {
          return 2;
        }
      })(),
    ],
  ];
  test.each(examples)('%s', (_, value) => expectClone(value));

  test('an own field __proto__ stays data', () => {
    const result = roundTrip(JSON.parse('{"__proto__": {"isAdmin": true}}') as object);
    expect(Object.keys(result)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(result)).not.toHaveProperty('isAdmin');
    const error = roundTrip(
      Object.defineProperty(new Error('x'), '__proto__', { value: { isAdmin: true }, enumerable: true }),
    );
    expect(error).not.toHaveProperty('isAdmin', true);
    expect(Object.getOwnPropertyNames(error)).toContain('__proto__');
  });
});

describe('views', () => {
  test('a Buffer stays one', () => {
    const result = roundTrip({ body: Buffer.from('hello') });
    expect(Buffer.isBuffer(result.body)).toBe(true);
    expect(result.body.toString()).toBe('hello');
  });

  test.each([
    ['a small Buffer from the pool', Buffer.from('secret').subarray(0, 3)],
    ['a part of a typed array', new Uint16Array([1, 2, 3, 4]).subarray(1, 3)],
    ['a DataView', new DataView(new ArrayBuffer(64), 8, 16)],
  ])('%s brings its own bytes and no others', (_, view) => {
    const result = roundTrip(view);
    expect(result.byteLength).toBe(view.byteLength);
    expect(result.byteOffset).toBe(0);
    expect(result.buffer.byteLength).toBe(view.byteLength);
    expect(describeValue(roundTrip([view]))).toBe(describeValue(roundTrip([result])));
  });

  test('of one buffer still share it', () => {
    const buffer = new ArrayBuffer(32);
    const given = { all: new Uint8Array(buffer, 8, 16), part: new Float32Array(buffer, 12, 2), buffer: null };
    const { all, part } = roundTrip(given);
    expect(all.buffer).toBe(part.buffer);
    expect(all.buffer.byteLength).toBe(16);
    part[0] = 1;
    expect([...all.subarray(4, 8)]).toEqual([0, 0, 128, 63]);
  });

  test('beside their whole buffer share it too', () => {
    const buffer = new ArrayBuffer(32);
    const result = roundTrip([new Uint8Array(buffer, 8, 8), buffer] as const);
    expect(result[0].buffer).toBe(result[1]);
    expect([result[0].byteOffset, result[1].byteLength]).toEqual([8, 32]);
  });

  test('a decoded view does not look into the message it came in', () => {
    const message = encodeClone(new Uint8Array([1, 2, 3]), 'value');
    const result = decodeClone(message) as Uint8Array;
    message.fill(0xff);
    expect([...result]).toEqual([1, 2, 3]);
  });
});

describe('damaged bytes', () => {
  const attempt = (bytes: Uint8Array) => {
    try {
      decodeClone(bytes);
    } catch (error) {
      expect(error).toMatchObject({ name: 'PoolError', code: 'invalid-argument' });
    }
  };

  test('of any kind are refused, or are a value', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), attempt), { numRuns: 500 });
    const withHeader = fc
      .uint8Array({ maxLength: 48 })
      .map((rest) => Uint8Array.from([0xff, 0x0f, rest.length % 2, ...rest]));
    fc.assert(fc.property(withHeader, attempt), { numRuns: 2_000 });
  });

  test('in a message that was whole are refused, or are another value', () => {
    const whole = encodeClone(
      { list: [new Uint8Array(9), new TypeError('x', { cause: new Map([[1, 2n]]) })] },
      'value',
    );
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, end) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        attempt(bytes);
        attempt(bytes.subarray(0, end));
      }),
      { numRuns: 2_000 },
    );
  });

  test('are refused in a sentence', () => {
    expect(() => decodeClone(Buffer.from('nonsense'))).toThrow(/^a payload cannot be decoded: /);
    expect(() => decodeClone(Buffer.alloc(0))).toThrow(/^a payload cannot be decoded: /);
  });
});
