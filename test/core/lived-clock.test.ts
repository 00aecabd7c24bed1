import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LivedClock } from '../../src/core/lived-clock.js';

/** A clock that shows what it is told to, and the lived clock that reads it. */
function clockAt(start: number): { lived: LivedClock; at: (ms: number) => number } {
  let ms = start;
  const lived = new LivedClock(() => ms);
  return {
    lived,
    at: (next) => {
      ms = next;
      return lived.now();
    },
  };
}

describe('LivedClock', () => {
  test('is the clock that it reads while somebody looks at it', () => {
    const { at } = clockAt(5_000);
    expect([5_000, 5_250, 5_500, 6_500].map(at)).toEqual([5_000, 5_250, 5_500, 6_500]);
  });

  test('stands still while nobody can look: its process was stopped, or the machine slept', () => {
    const { at } = clockAt(0);
    expect([250, 60_250, 60_500].map(at)).toEqual([250, 250, 500]);
  });

  test('adds up what was missed in several sleeps', () => {
    const { at } = clockAt(0);
    expect([100, 10_100, 10_200, 30_200, 30_300].map(at)).toEqual([100, 100, 200, 200, 300]);
  });

  test('counts a look that came late by less than a second', () => {
    const { at } = clockAt(0);
    expect([1_000, 1_999, 3_001].map(at)).toEqual([1_000, 1_999, 1_999]);
  });

  test('a sleep that began before the first look is missed too', () => {
    expect(clockAt(0).at(9_000)).toBe(0);
  });

  const steps = fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 50 });

  test('never goes back, and never runs faster than the clock that it reads', () => {
    fc.assert(
      fc.property(steps, (elapsed) => {
        const { at } = clockAt(0);
        let real = 0;
        let before = 0;
        for (const step of elapsed) {
          const now = at((real += step));
          expect(now).toBeGreaterThanOrEqual(before);
          expect(now - before).toBeLessThanOrEqual(step);
          before = now;
        }
      }),
    );
  });

  test('counts every step of up to a second, and none beyond', () => {
    fc.assert(
      fc.property(steps, (elapsed) => {
        const { at, lived } = clockAt(0);
        let real = 0;
        for (const step of elapsed) at((real += step));
        expect(lived.now()).toBe(
          elapsed.filter((step) => step <= 1_000).reduce((sum, step) => sum + step, 0),
        );
      }),
    );
  });
});
