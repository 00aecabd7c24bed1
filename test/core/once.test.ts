import { describe, expect, test } from '@jest/globals';
import { once } from '../../src/core/once.js';

describe('once', () => {
  test('nothing is done before it is asked for', () => {
    const done: string[] = [];
    once(async (what: string) => void done.push(what));
    expect(done).toEqual([]);
  });

  test('it is done the first time, with what was given then, and not again', async () => {
    const done: string[] = [];
    const act = once(async (what: string) => void done.push(what));
    await act('first');
    await act('second');
    expect(done).toEqual(['first']);
  });

  test('whoever asks gets the same promise, before it is done and after', async () => {
    const act = once(() => Promise.resolve());
    const promise = act();
    expect(act()).toBe(promise);
    await promise;
    expect(act()).toBe(promise);
  });

  test('what failed is not tried again: everybody gets the same failure', async () => {
    let tries = 0;
    const act = once(() => Promise.reject(new Error(`try ${++tries}`)));
    await expect(act()).rejects.toThrow('try 1');
    await expect(act()).rejects.toThrow('try 1');
  });
});
