import { compileFunction } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeClone } from '../../src/wire/values/clone.js';
import { decodePayload, encodePayload, payloadFrom } from '../../src/wire/values/payload.js';

const END = ', which cannot be copied to another process';

describe('what cannot be copied is refused, naming its path', () => {
  const cyclic: { self?: unknown; bad?: unknown } = {};
  cyclic.self = cyclic;
  cyclic.bad = Symbol('s');
  const given = new Uint8Array(8);
  structuredClone(given, { transfer: [given.buffer] });
  const refusals: [value: unknown, message: string][] = [
    [() => 1, 'value is a function'],
    [{ a: [{ onDone() {} }] }, 'value.a[0].onDone is a function (onDone)'],
    [{ 'a key': Symbol('x') }, 'value["a key"] is a symbol'],
    [[1, Promise.resolve()], 'value[1] is a Promise (await it first)'],
    [new Map([['k', new WeakMap()]]), 'value.get("k") is a WeakMap'],
    [new Map([[{ f: () => 1 }, 1]]), 'value[key an object].f is a function (f)'],
    [new Set([new WeakSet()]), 'value[a member] is a WeakSet'],
    [{ p: new Proxy({}, {}) }, 'value.p is a Proxy'],
    [{ r: new WeakRef({}) }, 'value.r is a WeakRef'],
    [{ s: new SharedArrayBuffer(1) }, 'value.s is a SharedArrayBuffer'],
    [{ s: new Uint8Array(new SharedArrayBuffer(1)) }, 'value.s is a view of a SharedArrayBuffer'],
    [(function* () {})(), 'value is a generator'],
    [{ given }, 'value.given is a detached buffer (its bytes were transferred elsewhere)'],
    [cyclic, 'value.bad is a symbol'],
  ];
  test.each(refusals)('%#: %s', (value, message) => {
    expect(() => encodeClone(value, 'value')).toThrow(
      expect.objectContaining({ name: 'PoolError', code: 'not-cloneable', message: `${message}${END}` }),
    );
  });

  test('of several the first is named', () => {
    expect(() => encodeClone({ first: () => 1, second: () => 2 }, 'value')).toThrow(
      /^value\.first is a function/,
    );
  });

  /** What cannot be copied, behind steps into objects, arrays and maps that hold other things as well. */
  const hidden = fc
    .record({
      bad: fc.constantFrom<unknown>(
        () => 1,
        Symbol('s'),
        Promise.resolve(),
        new WeakMap(),
        new Proxy({}, {}),
        new SharedArrayBuffer(1),
        (function* () {})(),
      ),
      steps: fc.array(
        fc.record({
          kind: fc.constantFrom('object', 'array', 'map'),
          key: fc.string({ maxLength: 12, unit: 'binary' }).filter((key) => key !== '__proto__'),
          beside: fc.anything({ withMap: true, withDate: true, withBigInt: true, maxDepth: 1 }),
        }),
        { maxLength: 6 },
      ),
    })
    .map(({ bad, steps }) => {
      let value = bad;
      for (const { kind, key, beside } of steps) {
        if (kind === 'array') value = [beside, value];
        else if (kind === 'map') value = new Map([[key, value]]).set(`${key} beside`, beside);
        else value = { [key]: value, [`${key} beside`]: beside, outer: steps };
      }
      return { bad, value };
    });

  test('wherever it is, the path leads to it', () => {
    fc.assert(
      fc.property(hidden, ({ bad, value }) => {
        let message = '';
        try {
          encodeClone(value, 'value');
        } catch (error) {
          message = (error as Error).message;
        }
        const path = /^(value.*?) is (?:a|an) .*, which cannot be copied to another process$/s.exec(
          message,
        )?.[1];
        const follow = compileFunction(`return ${path}`, ['value']) as (value: unknown) => unknown;
        expect(follow(value)).toBe(bad);
      }),
      { numRuns: 300 },
    );
  });

  test('what V8 alone refuses is refused in a sentence', () => {
    const view = new Uint8Array(8);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    for (const value of [Object(Symbol('x')), view, view.buffer]) {
      expect(() => encodeClone(value, 'value')).toThrow(expect.objectContaining({ code: 'not-cloneable' }));
    }
  });
});

describe('JSON', () => {
  const encode = (value: unknown) => Buffer.from(encodePayload(value, 'JSON', 'value').data).toString();

  test('is what JSON.stringify writes; undefined is null', () => {
    expect(encode({ a: [1, 'ü', null], left: undefined })).toBe('{"a":[1,"ü",null]}');
    expect(encode(undefined)).toBe('null');
    expect(encode(new Date(0))).toBe('"1970-01-01T00:00:00.000Z"');
  });

  const round: { a?: unknown } = {};
  round.a = [round];
  const refusals: [value: unknown, message: RegExp][] = [
    [{ a: 1n }, /^value\.a is a BigInt, which JSON cannot carry$/],
    [[{ f: () => 1 }], /^value\[0\]\.f is a function/],
    [{ n: NaN }, /^value\.n is NaN/],
    [{ n: -Infinity }, /^value\.n is -Infinity/],
    [{ m: new Map() }, /^value\.m is a Map/],
    [{ s: new Set() }, /^value\.s is a Set/],
    [{ b: new Uint8Array(1) }, /^value\.b is binary data/],
    [round, /^value\.a\[0\] refers back to itself/],
    [{ e: new Error('lost') }, /^value\.e is /],
    [{ r: /lost/ }, /^value\.r is /],
    [{ p: Promise.resolve('lost') }, /^value\.p is /],
    [{ toJSON: () => 1n }, /^value/],
  ];
  test.each(refusals)('refuses what it cannot carry (%#: %s)', (value, message) => {
    let thrown: unknown;
    try {
      encode(value);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'not-cloneable', message: expect.stringMatching(message) });
  });

  test('a value seen twice is no cycle', () => {
    const twice = { a: 1 };
    expect(encode([twice, twice])).toBe('[{"a":1},{"a":1}]');
  });

  test('nested too deeply is refused like anything else it cannot carry', () => {
    let deep: unknown = 0;
    for (let depth = 0; depth < 20_000; depth++) deep = [deep];
    expect(() => encode(deep)).toThrow(expect.objectContaining({ code: 'not-cloneable' }));
  });
});

describe('payloads', () => {
  test('of either encoding come back', () => {
    for (const encoding of ['V8', 'JSON'] as const) {
      const { data } = encodePayload([1, { a: 'b' }], encoding, 'value');
      expect(decodePayload(payloadFrom({ encoding, data }, 'arguments'))).toEqual([1, { a: 'b' }]);
    }
  });

  test('of an encoding nobody knows are refused, naming the field', () => {
    const data = Buffer.alloc(1);
    expect(() => payloadFrom({ encoding: 'XML', data }, 'arguments')).toThrow(
      'arguments.encoding: expected V8 or JSON, got "XML"',
    );
    expect(() => payloadFrom(undefined, 'arguments')).toThrow(
      'arguments.encoding: expected V8 or JSON, got nothing',
    );
  });

  test('that are no JSON are refused in a sentence', () => {
    const json = (text: string) => ({ encoding: 'JSON' as const, data: Buffer.from(text) });
    const refusal = { name: 'PoolError', code: 'invalid-argument' };
    expect(() => decodePayload(json('{'))).toThrow(expect.objectContaining(refusal));
  });
});
