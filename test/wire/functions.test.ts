/* eslint @typescript-eslint/unbound-method: 'off', @typescript-eslint/no-implied-eval: 'off' -- methods without their
   objects and functions made of text are what is tried here */
import { describe, expect, test } from '@jest/globals';
import { Captures } from '../../src/client/shipping/captures.js';
import { compileFunction } from '../../src/wire/functions/compile.js';
import { idOf } from '../../src/wire/functions/function-id.js';

const shipFunction = (fn: unknown) => Captures.none.ship(fn);

const BASE = `${process.cwd()}/offhand-task.js`;

/** Sends a function and runs what arrives. */
function travel(fn: unknown, ...args: unknown[]): unknown {
  return compileFunction(shipFunction(fn).source, BASE)(...args);
}

const shapes = {
  area(side: number) {
    return side * side;
  },
  async later(side: number) {
    return Promise.resolve(side);
  },
  *steps() {
    yield 1;
  },
  get(key: string) {
    return key;
  },
  if(value: number) {
    return value;
  },
  function() {
    return 'function';
  },
  async() {
    return 'async';
  },
  class() {
    return 'class';
  },
  ['__proto__']() {
    return 'proto';
  },
  'a b'() {
    return 'quoted';
  },
  7() {
    return 'numbered';
  },
};

describe('the forms in which a function may be written', () => {
  const forms: [name: string, fn: unknown, args: unknown[], result: unknown][] = [
    ['an arrow', (a: number) => a + 1, [1], 2],
    ['an arrow that gives an object', () => ({ a: 1 }), [], { a: 1 }],
    [
      'a function expression',
      function (a: number) {
        return a + 1;
      },
      [1],
      2,
    ],
    [
      'a named function that calls itself',
      function f(n: number): number {
        return n ? n * f(n - 1) : 1;
      },
      [4],
      24,
    ],
    [
      'a function that uses arguments',
      function () {
        return arguments.length;
      },
      [1, 2],
      2,
    ],
    ['made by new Function, ending in a comment', new Function('a', 'return a // the end'), [3], 3],
    ['a method', shapes.area, [3], 9],
    ['a method named get', shapes.get, ['k'], 'k'],
    ['a method named if', shapes.if, [1], 1],
    ['a method named function', shapes.function, [], 'function'],
    ['a method named async', shapes.async, [], 'async'],
    ['a method named class', shapes.class, [], 'class'],
    [
      'a method named __proto__',
      Reflect.get(Object.getOwnPropertyDescriptors(shapes), '__proto__').value,
      [],
      'proto',
    ],
    ['a method with a quoted name', shapes['a b'], [], 'quoted'],
    ['a method with a number for a name', shapes[7], [], 'numbered'],
  ];
  test.each(forms)('%s', (_, fn, args, result) => {
    expect(travel(fn, ...args)).toEqual(result);
  });

  test('an async method and a generator', async () => {
    expect(await travel(shapes.later, 2)).toBe(2);
    expect([...(travel(shapes.steps) as Iterable<number>)]).toEqual([1]);
  });

  test('a method named by a symbol runs or is refused before it is sent', () => {
    const method = {
      [Symbol.iterator]: {
        *[Symbol.iterator]() {
          yield 1;
        },
      }[Symbol.iterator],
    }[Symbol.iterator];
    let result: unknown;
    try {
      result = [...(travel(method) as Iterable<number>)];
    } catch (error) {
      result = error;
    }
    const refusal: unknown = expect.objectContaining({
      code: 'not-shippable',
      message: expect.not.stringMatching(/undefined/),
    });
    expect([[1], refusal]).toContainEqual(result);
  });
});

describe('identity', () => {
  test('the same text is the same function, whatever it is called', () => {
    const make = () => (a: number) => a * 2;
    const [first, second] = [make(), make()];
    expect(shipFunction(first).id).toBe(shipFunction(second).id);
    expect(shipFunction(first).id).toMatch(/^[0-9a-f]{64}$/);
    expect(shipFunction(first)).toEqual(shipFunction(first));
    expect(idOf(shipFunction(first).source)).toBe(shipFunction(first).id);
    expect(shipFunction((a: number) => a * 3).id).not.toBe(shipFunction(first).id);
  });

  test('the name is the function’s own, else anonymous', () => {
    const named = () => 1;
    expect(shipFunction(named).name).toBe('named');
    expect(
      shipFunction(
        (
          () => () =>
            1
        )(),
      ).name,
    ).toBe('anonymous');
  });
});

describe('what has no source that would mean the same elsewhere is refused', () => {
  class Account {
    #balance = 1;
    read() {
      return this.#balance;
    }
  }
  const getter = Object.getOwnPropertyDescriptor(
    {
      get size() {
        return () => 1;
      },
    },
    'size',
  )?.get;
  const refusals: [fn: unknown, message: RegExp][] = [
    [
      Math.max,
      /^`max` is built into Node and has no source to send; wrap it: \(\.\.\.args\) => max\(\.\.\.args\)$/,
    ],
    [shapes.area.bind(shapes), /^`bound area` was made by bind\(\)/],
    [
      Account,
      /^`Account` is a class; send a function that makes one, .*: pool\.with\(\{ capture: \{ Account \} \}\)/,
    ],
    [class {}, /^the function is a class; .*new Class/],
    [
      Account.prototype.read,
      /^`read` uses #\w+, which only code inside its class may; send a function that makes the object, /,
    ],
    [getter, /getter|accessor/],
    ['() => 1', /^expected a function to run, got string$/],
    [{}, /^expected a function to run, got object$/],
    [null, /^expected a function to run, got null$/],
  ];
  test.each(refusals)('%p', (fn, message) => {
    let thrown: unknown;
    try {
      shipFunction(fn);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: 'not-shippable',
      mayHaveRun: false,
      message: expect.stringMatching(message),
    });
  });
});

describe('source from a client in any language', () => {
  test.each([
    ['5', 'the source is not a function but number'],
    ['null', 'the source is not a function but null'],
    ['(', /^the worker cannot compile the function: /],
    ['missing.member', /^the worker cannot compile the function: .*missing is not defined$/],
  ])('%s is refused in a sentence', (source, message) => {
    expect(() => compileFunction(source, BASE)).toThrow(message);
    expect(() => compileFunction(source, BASE)).toThrow(expect.objectContaining({ code: 'not-shippable' }));
  });
});
