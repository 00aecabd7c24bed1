import { describe, expect, test } from '@jest/globals';
import type { Settle } from '../../src/client/executor.js';
import { mapBounded } from '../../src/client/map.js';
import { mapOf, numbers, settle } from './by-hand.js';
import { rejection } from './support.js';

describe('order', () => {
  test('results come in the order of the input, whatever the order they are ready in', async () => {
    const { of, results } = mapOf([0, 1, 2], { concurrency: 3 });
    const first = results.next();
    await settle();
    of(2).resolve('c');
    of(1).resolve('b');
    await settle();
    of(0).resolve('a');
    expect([await first, await results.next(), await results.next(), await results.next()]).toEqual([
      { value: 'a', done: false },
      { value: 'b', done: false },
      { value: 'c', done: false },
      { value: undefined, done: true },
    ]);
  });

  test('with ordered: false as they are ready', async () => {
    const { of, results } = mapOf([0, 1, 2], { concurrency: 3, ordered: false });
    const first = results.next();
    await settle();
    of(2).resolve('c');
    expect(await first).toEqual({ value: 'c', done: false });
    of(0).resolve('a');
    of(1).resolve('b');
    expect([(await results.next()).value, (await results.next()).value]).toEqual(['a', 'b']);
    expect(await results.next()).toEqual({ value: undefined, done: true });
  });

  test('an empty input gives nothing and begins nothing', async () => {
    const { begun, results } = mapOf([], { concurrency: 3 });
    expect(await results.next()).toEqual({ value: undefined, done: true });
    expect(begun).toEqual([]);
  });
});

describe('how fast the input is read', () => {
  test('nothing is read before the first result is asked for', async () => {
    const log: string[] = [];
    const { results } = mapOf(numbers(log), { concurrency: 2 });
    await settle();
    expect(log).toEqual([]);
    await results.return();
  });

  test('no more calls run at once than the concurrency says, and an item is read only to begin its call', async () => {
    const log: string[] = [];
    const { of, items, results } = mapOf(numbers(log), { concurrency: 2 });
    const first = results.next();
    await settle();
    expect(items()).toEqual([0, 1]);
    expect(log).toEqual(['read 0', 'read 1']);
    of(1).resolve('b');
    await settle();
    expect(items()).toEqual([0, 1, 2]);
    of(0).resolve('a');
    of(2).resolve('c');
    await first;
    await settle();
    expect(items().slice(3)).toEqual([3, 4]);
    of(3).resolve('d');
    of(4).resolve('e');
    void results.return();
  });

  test('while nobody takes results, reading stops', async () => {
    const log: string[] = [];
    const started: number[] = [];
    const start = (item: number, settle: Settle) => {
      started.push(item);
      queueMicrotask(() => settle(true, item));
      return { fail: () => undefined, isWaiting: false };
    };
    const results = mapBounded(numbers(log), start, { concurrency: () => 2 });
    await results.next();
    await settle();
    await settle();
    const readBefore = log.length;
    expect(readBefore).toBeLessThanOrEqual(1 + 2 * 4);
    for (let round = 0; round < 20; round++) await settle();
    expect(log).toHaveLength(readBefore);
    await results.next();
    await settle();
    expect(log).toHaveLength(readBefore + 1);
    await results.return();
  });

  test('an async input is not asked for the next item before it gave the last', async () => {
    let asked = 0;
    let give: (item: IteratorResult<number>) => void = () => undefined;
    const input: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => (asked++, new Promise<IteratorResult<number>>((resolve) => (give = resolve))),
      }),
    };
    const { of, results } = mapOf(input, { concurrency: 4 });
    const first = results.next();
    await settle();
    expect(asked).toBe(1);
    give({ value: 7, done: false });
    await settle();
    expect(asked).toBe(2);
    of(7).resolve('seven');
    expect(await first).toEqual({ value: 'seven', done: false });
    give({ value: undefined, done: true });
    expect(await results.next()).toEqual({ value: undefined, done: true });
  });
});

describe('the first failure', () => {
  test('begins no more, yields what came before it, awaits what runs, and is thrown', async () => {
    const { begun, of, items, results } = mapOf(numbers(), { concurrency: 3 });
    const first = results.next();
    await settle();
    of(1).reject(new Error('one'));
    await settle();
    expect(items()).toEqual([0, 1, 2]);
    of(0).resolve('a');
    expect(await first).toEqual({ value: 'a', done: false });
    let isThrown = false;
    const second = rejection(results.next()).finally(() => (isThrown = true));
    await settle();
    expect(isThrown).toBe(false);
    expect(of(2).cancelled).toBeUndefined();
    of(2).resolve('c');
    expect(await second).toMatchObject({ message: 'one' });
    expect(begun).toHaveLength(3);
    expect(await results.next()).toEqual({ value: undefined, done: true });
  });

  test('of two failures the earlier one of the input is thrown', async () => {
    const { of, results } = mapOf([0, 1], { concurrency: 2 });
    const first = rejection(results.next());
    await settle();
    of(1).reject(new Error('one'));
    await settle();
    of(0).reject(new Error('zero'));
    expect(await first).toMatchObject({ message: 'zero' });
  });

  test('returns the input', async () => {
    const log: string[] = [];
    const { of, results } = mapOf(numbers(log), { concurrency: 1 });
    const first = rejection(results.next());
    await settle();
    of(0).reject('no');
    expect(await first).toBe('no');
    expect(log).toEqual(['read 0', 'returned']);
  });

  test('is thrown even while the input is silent', async () => {
    async function* slow() {
      yield 0;
      await new Promise(() => {});
    }
    const { of, results } = mapOf(slow(), { concurrency: 2 });
    const first = rejection(results.next());
    await settle();
    of(0).reject('no');
    const silence = settle()
      .then(settle)
      .then(() => 'nothing was thrown');
    expect(await Promise.race([first, silence])).toBe('no');
  });
});

describe("errors: 'collect'", () => {
  test('yields failures in their turn, and goes on', async () => {
    const { of, results } = mapOf([0, 1, 2], { concurrency: 3, errors: 'collect' });
    const all = (async () => {
      const seen: unknown[] = [];
      for await (const result of results) seen.push(result);
      return seen;
    })();
    await settle();
    of(1).reject(new Error('one'));
    of(2).resolve('c');
    of(0).resolve('a');
    expect(await all).toEqual(['a', new Error('one'), 'c']);
  });

  test('an input that breaks afterwards takes no failure’s turn', async () => {
    async function* breaking() {
      yield 0;
      yield 1;
      await settle();
      await settle();
      throw new Error('the input broke');
    }
    const { of, results } = mapOf(breaking(), { concurrency: 3, errors: 'collect' });
    const first = results.next();
    await settle();
    of(1).reject(new Error('one'));
    await settle();
    await settle();
    of(0).resolve('a');
    expect(await first).toEqual({ value: 'a', done: false });
    expect(await results.next()).toEqual({ value: new Error('one'), done: false });
    expect(await rejection(results.next())).toMatchObject({ message: 'the input broke' });
  });
});

describe('an input that breaks', () => {
  test('ends the map in its turn, after the results before it', async () => {
    function* breaking() {
      yield 0;
      throw new Error('the input broke');
    }
    const { of, results } = mapOf(breaking(), { concurrency: 3 });
    const first = results.next();
    await settle();
    of(0).resolve('a');
    expect(await first).toEqual({ value: 'a', done: false });
    expect(await rejection(results.next())).toMatchObject({ message: 'the input broke' });
  });

  test('is not asked to return, nor is one that ended by itself', async () => {
    const returned: string[] = [];
    const input = (name: string, next: () => IteratorResult<number>): Iterable<number> => ({
      [Symbol.iterator]: () => ({
        next,
        return: () => (returned.push(name), { value: undefined, done: true }),
      }),
    });
    const broken = mapOf(
      input('broken', () => {
        throw new Error('broken');
      }),
      { concurrency: 1 },
    );
    await rejection(broken.results.next());
    await mapOf(
      input('ended', () => ({ value: undefined, done: true })),
      { concurrency: 1 },
    ).results.next();
    expect(returned).toEqual([]);
  });
});

describe('leaving the loop', () => {
  test('cancels what runs, waits until it has ended, and returns the input', async () => {
    const log: string[] = [];
    const { begun, of, results } = mapOf(numbers(log), { concurrency: 2 });
    const first = results.next();
    await settle();
    of(0).resolve('a');
    await first;
    await settle();
    let isLeft = false;
    const left = results.return().then(() => (isLeft = true));
    await settle();
    const running = begun.filter((call) => !call.isSettled);
    expect(running.map((call) => [call.item, call.cancelled?.code])).toEqual([
      [1, 'cancelled'],
      [2, 'cancelled'],
    ]);
    expect(isLeft).toBe(false);
    for (const call of running) call.reject(new Error('cancelled'));
    await left;
    expect(log.at(-1)).toBe('returned');
    expect(begun).toHaveLength(3);
  });

  test('does not wait for an input that is silent', async () => {
    async function* slow() {
      yield 0;
      await new Promise(() => {});
    }
    const { of, results } = mapOf(slow(), { concurrency: 2 });
    const first = results.next();
    await settle();
    of(0).resolve('a');
    await first;
    const silence = settle()
      .then(settle)
      .then(() => 'still waiting');
    expect(await Promise.race([results.return(), silence])).toEqual({ value: undefined, done: true });
  });
});
