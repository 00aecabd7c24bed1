import { describe, expect, test } from '@jest/globals';
import { WantedLeases } from '../../src/server/wanted-leases.js';

const wanting = (...pairs: [priority: number, count: number][]): WantedLeases => {
  const wanted = new WantedLeases();
  wanted.set(pairs.map(([priority, count]) => ({ priority, count })));
  return wanted;
};
const first = (wanted: WantedLeases, missing: number) => Object.fromEntries(wanted.first(missing));

describe('the leases that a session wants', () => {
  test('are at priority 0 unless it says otherwise', () => {
    expect(first(wanting(), 3)).toEqual({ 0: 3 });
    expect(first(wanting([5, 1]), 3)).toEqual({ 5: 1, 0: 2 });
    expect(first(wanting(), 0)).toEqual({});
    expect(first(wanting([5, 1]), -2)).toEqual({});
  });

  test('are those of the highest priority where not all of them are missing', () => {
    expect(first(wanting([0, 4], [5, 2], [-1, 9]), 3)).toEqual({ 5: 2, 0: 1 });
  });

  test('are wanted no more once they are there, and again when they are gone', () => {
    const wanted = wanting([5, 1], [0, 2]);
    wanted.granted(5);
    expect(first(wanted, 2)).toEqual({ 0: 2 });
    wanted.ended(5);
    expect(first(wanted, 3)).toEqual({ 5: 1, 0: 2 });
    const plain = wanting();
    plain.granted(0);
    plain.ended(0);
    expect(first(plain, 1)).toEqual({ 0: 1 });
  });

  test.each([
    [[{ priority: 101, count: 1 }], /^wanted\.priority: expected a whole number from -100 to 100, got 101$/],
    [
      [
        { priority: 1, count: 1 },
        { priority: 1, count: 2 },
      ],
      /^wanted: expected each priority once/,
    ],
  ])('are refused where they make no sense: %j', (wanted, words) => {
    expect(() => new WantedLeases().set(wanted)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(words) }),
    );
  });
});
