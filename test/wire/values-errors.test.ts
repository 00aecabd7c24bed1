import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { decodeClone, encodeClone } from '../../src/wire/values/clone.js';

function roundTrip<T>(value: T): T {
  return decodeClone(encodeClone(value, 'value')) as T;
}

describe('errors', () => {
  test.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])(
    '%p keeps its class, message, stack and cause',
    (Class) => {
      const given = new Class('what', { cause: { at: [1n] } });
      const result = roundTrip(given);
      expect(result).toBeInstanceOf(Class);
      expect(result).toMatchObject({
        name: Class.name,
        message: 'what',
        stack: given.stack,
        cause: { at: [1n] },
      });
      expect(Object.keys(result)).toEqual([]);
    },
  );

  test('an AggregateError keeps its errors', () => {
    const result = roundTrip(new AggregateError([new TypeError('one'), 'two'], 'both'));
    expect(result).toBeInstanceOf(AggregateError);
    expect(result).toMatchObject({
      name: 'AggregateError',
      message: 'both',
      errors: [{ message: 'one' }, 'two'],
    });
    expect(result.errors[0]).toBeInstanceOf(TypeError);
  });

  test('a subclass becomes its built-in class, with its name and fields', () => {
    class HttpError extends RangeError {
      override name = 'HttpError';
      readonly status = 404;
      readonly headers = new Map([['a', 'b']]);
    }
    const result = roundTrip(new HttpError('gone'));
    expect(result).toBeInstanceOf(RangeError);
    expect(result).toMatchObject({ name: 'HttpError', status: 404, headers: new Map([['a', 'b']]) });
  });

  test('a subclass that has no name of its own keeps what it is called, and decodes once for all', () => {
    class HttpError extends RangeError {}
    const [one, two] = roundTrip([new HttpError('a'), new HttpError('b')]);
    expect(one).toBeInstanceOf(RangeError);
    expect([one?.name, one?.constructor.name]).toEqual(['RangeError', 'HttpError']);
    expect(two?.constructor).toBe(one?.constructor);
    const plain = roundTrip(new RangeError('c'));
    expect(plain.constructor === RangeError).toBe(true);
  });

  test.each(['__proto__', 'constructor', 'a b; throw 1', 'Error'])(
    'a class called %p harms nobody',
    (name) => {
      class Odd extends Error {}
      Object.defineProperty(Odd, 'name', { value: name });
      const result = roundTrip(new Odd('x'));
      expect(result).toBeInstanceOf(Error);
      expect(result.message).toBe('x');
    },
  );

  test.each([0, 3, 64, 5_000])('in the fields of an array of %d keep their class and fields', (length) => {
    const failed = Object.assign(new TypeError('x'), { code: 'E' });
    const given = Object.assign(Array.from({ length }, String), { failed });
    const { failed: result } = roundTrip(given);
    expect(result).toBeInstanceOf(TypeError);
    expect(result).toMatchObject({ message: 'x', code: 'E' });
  });

  test('a name given by the class’s prototype arrives', () => {
    class Quiet extends Error {}
    Quiet.prototype.name = 'Quiet';
    expect(roundTrip(new Quiet('x')).name).toBe('Quiet');
    expect(String(roundTrip(new Quiet('x')))).toBe('Quiet: x');
  });

  test('without a message, or with fields that are undefined, they stay so', () => {
    const result = roundTrip(Object.assign(new Error(), { code: undefined }));
    expect(result.message).toBe('');
    expect(Object.hasOwn(result, 'message')).toBe(false);
    expect(Object.hasOwn(result, 'code')).toBe(true);
    expect(Object.hasOwn(roundTrip(new Error('x')), 'cause')).toBe(false);
    expect(Object.hasOwn(roundTrip(new Error('x', { cause: undefined })), 'cause')).toBe(true);
  });

  test('cycles and shared errors survive', () => {
    const inner: Error & { outer?: unknown } = new TypeError('inner');
    const outer = new Error('outer', { cause: inner });
    inner.outer = outer;
    const [one, two, map] = roundTrip([outer, inner, new Map([[inner, outer]])] as const);
    expect(one.cause).toBe(two);
    expect(two.outer).toBe(one);
    expect(map.get(two)).toBe(one);
  });

  test('of another realm arrive as what they are', () => {
    const foreign = runInNewContext("Object.assign(new TypeError('far'), { code: 'E' })") as Error;
    const result = roundTrip(foreign);
    expect(result).toBeInstanceOf(TypeError);
    expect(result).toMatchObject({ message: 'far', code: 'E' });
  });

  test('DOMExceptions keep name and message', () => {
    expect(roundTrip(new DOMException('too slow', 'TimeoutError'))).toMatchObject({
      name: 'TimeoutError',
      message: 'too slow',
    });
  });
});

describe('a part of an error that cannot be copied', () => {
  test('is left out, the rest arrives', () => {
    const given = Object.assign(new TypeError('x'), {
      code: 'E',
      socket: { write: () => 1 },
      at: new Date(0),
    });
    const result = roundTrip(given);
    expect(result).toMatchObject({ name: 'TypeError', message: 'x', code: 'E', at: new Date(0) });
    expect(result).not.toHaveProperty('socket');
  });

  test('is left out of its cause as well, and the cause arrives', () => {
    const cause = Object.assign(new RangeError('inner'), { code: 'E', request: () => 1 });
    expect(roundTrip(new Error('outer', { cause }))).toMatchObject({
      message: 'outer',
      cause: { name: 'RangeError', message: 'inner', code: 'E' },
    });
  });

  test('where that is the cause itself it arrives without one, and keeps its own', () => {
    const cause = () => 1;
    const given = new Error('outer', { cause });
    expect(roundTrip(given)).toMatchObject({ message: 'outer' });
    expect(Object.hasOwn(roundTrip(given), 'cause')).toBe(false);
    expect(Object.getOwnPropertyDescriptor(given, 'cause')).toEqual({
      value: cause,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  });

  test('of one of an AggregateError’s costs none of the others', () => {
    const bad = Object.assign(new RangeError('one'), { request: () => 1 });
    expect(roundTrip(new AggregateError([bad, new TypeError('two')]))).toMatchObject({
      errors: [{ message: 'one' }, { message: 'two' }],
    });
  });

  test('of an error in a field costs nothing but itself', () => {
    const inner = Object.assign(new RangeError('one'), { request: () => 1 });
    expect(roundTrip(Object.assign(new Error('x'), { inner }))).toMatchObject({ inner: { message: 'one' } });
  });

  test('of an error inside a plain result is left out too', () => {
    const failure = Object.assign(new Error('x'), { socket: () => 1 });
    expect(roundTrip({ failures: [failure] })).toMatchObject({ failures: [{ message: 'x' }] });
  });
});
