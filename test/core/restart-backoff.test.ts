import { describe, expect, test } from '@jest/globals';
import { recentDeaths, restartDelayMs } from '../../src/core/restart-backoff.js';

/** So many deaths at `at`. */
const deaths = (count: number, at = 0): number[] => Array.from({ length: count }, () => at);

test('of deaths those of the last ten seconds are kept, and no more', () => {
  expect(recentDeaths([0, 1, 5_000, 10_000], 10_000)).toEqual([1, 5_000, 10_000]);
  expect(recentDeaths([], 10_000)).toEqual([]);
});

describe('restartDelayMs', () => {
  test('a process that never died, or died once or twice, is started at once', () => {
    expect([0, 1, 2].map((count) => restartDelayMs(deaths(count), 0))).toEqual([0, 0, 0]);
  });

  test('from the third death within ten seconds on the delay is 0.5 s, and doubles to at most 10 s', () => {
    const delays = [3, 4, 5, 6, 7, 8, 9].map((count) => restartDelayMs(deaths(count), 0));
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test('however many deaths there were, the delay is 10 s', () => {
    expect(restartDelayMs(deaths(5_000), 0)).toBe(10_000);
  });

  test('a death counts for ten seconds, and no longer', () => {
    const oneLongAgo = [0, ...deaths(2, 6_000)];
    expect(restartDelayMs(oneLongAgo, 9_999)).toBe(500);
    expect(restartDelayMs(oneLongAgo, 10_000)).toBe(0);
  });

  test('a process that has lived for ten seconds starts anew, whatever came before', () => {
    expect(restartDelayMs([...deaths(20), 10_000], 10_000)).toBe(0);
  });
});
