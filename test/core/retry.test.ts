import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isSpent, RETRY_CAUSES, retriesFor, retryDelayMs } from '../../src/core/retry.js';

describe('retriesFor', () => {
  test('without a policy the loss of a worker is tried again once, and nothing else is', () => {
    expect(RETRY_CAUSES.map((cause) => [cause, retriesFor(cause, {})])).toEqual([
      ['worker-lost', 1],
      ['thrown', 0],
      ['timeout', 0],
    ]);
  });

  test('retries alone holds of every cause, none included', () => {
    expect(RETRY_CAUSES.map((cause) => retriesFor(cause, { retries: 4 }))).toEqual([4, 4, 4]);
    expect(RETRY_CAUSES.map((cause) => retriesFor(cause, { retries: 0 }))).toEqual([0, 0, 0]);
  });

  test('retryOn alone allows one further attempt after what it names, and none after the rest', () => {
    const policy = { retryOn: ['thrown', 'timeout'] as const };
    expect(RETRY_CAUSES.map((cause) => retriesFor(cause, policy))).toEqual([0, 1, 1]);
    expect(RETRY_CAUSES.map((cause) => retriesFor(cause, { retryOn: [] }))).toEqual([0, 0, 0]);
  });

  test('whatever is given together, retryOn says after what, and retries how often', () => {
    const given = fc.record({ retries: fc.nat(20), retryOn: fc.subarray([...RETRY_CAUSES]) });
    fc.assert(
      fc.property(given, fc.constantFrom(...RETRY_CAUSES), (policy, cause) => {
        expect(retriesFor(cause, policy)).toBe(policy.retryOn.includes(cause) ? policy.retries : 0);
      }),
    );
  });
});

describe('a task that went down with coordinators', () => {
  const counts = [0, 1, 2, 3];

  test('without a policy runs once more after the first', () => {
    expect(counts.map((losses) => isSpent(losses, {}))).toEqual([false, false, true, true]);
  });

  test('with retries: 0 does not run again, and runs where none was lost', () => {
    expect(counts.map((losses) => isSpent(losses, { retries: 0 }))).toEqual([false, true, true, true]);
  });

  test('runs as often again as its policy allows after the loss of a worker', () => {
    expect(counts.map((losses) => isSpent(losses, { retries: 2 }))).toEqual([false, false, false, true]);
    const thrownAlone = { retries: 2, retryOn: ['thrown'] as const };
    expect(counts.map((losses) => isSpent(losses, thrownAlone))).toEqual([false, true, true, true]);
  });
});

describe('retryDelayMs', () => {
  const longest = (attempts: number) => retryDelayMs(attempts, 1);

  test('is at most 100 ms after the first attempt, doubles with each, and stays at 30 s', () => {
    expect([1, 2, 3, 4, 9, 10, 50].map(longest)).toEqual([100, 200, 400, 800, 25_600, 30_000, 30_000]);
  });

  test('however often it has failed, the delay is one that a timer takes', () => {
    expect(longest(5_000)).toBe(30_000);
  });

  test('is spread evenly from nothing up to that (full jitter)', () => {
    expect([0, 0.25, 0.5, 1].map((random) => retryDelayMs(3, random))).toEqual([0, 100, 200, 400]);
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), random, (attempts, share) => {
        const delayMs = retryDelayMs(attempts, share);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBe(share * longest(attempts));
        expect(longest(attempts + 1)).toBeGreaterThanOrEqual(longest(attempts));
      }),
    );
  });
});
