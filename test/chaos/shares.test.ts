import { describe, expect, test } from '@jest/globals';
import type { Fault, History, Round, Span } from '../../chaos/history.js';
import { comparisonsOf } from '../../chaos/rules/shares.js';
import { attempt, broken, call, history, round } from './histories.js';

const RULE = ['shares recover after each fault'];

/** Alice and Bob both want the slot from 1,000 to 11,000; she has it until `turnAt`, and he from then on. */
function turns(turnAt: number, changes: Partial<Round> = {}): History {
  const calls = [call('a'), call('b', { client: 'bob' })].map((each) => ({
    ...each,
    calledAt: 1_000,
    outcomes: each.outcomes.map((settled) => ({ ...settled, at: 11_000 })),
  }));
  const attempts = [
    attempt('a', { beganAt: 1_000, seenAt: turnAt }),
    attempt('b', { beganAt: turnAt, seenAt: 11_000 }),
  ];
  const calm = { startedAt: 1_000, recoveredAt: 1_000, calmUntil: 11_000, clients: ['alice', 'bob'] };
  return history(calls, attempts, { rounds: [round({ ...calm, ...changes })] });
}

function fault(kind: Fault['kind'], at: number, until: number): Fault {
  return { kind, target: 'whoever', at, until };
}

test('a client has its share of a calm time, or next to nothing of it', () => {
  expect(broken(turns(6_000))).toEqual([]);
  expect(broken(turns(2_500))).toEqual([]);
  expect(broken(turns(1_900))).toEqual(RULE);
  expect(broken(turns(10_100))).toEqual(RULE);
});

test('a client that has nothing at all, beside others who have everything', () => {
  expect(broken(turns(1_000))).toEqual(RULE);
});

test('clients of which none has anything', () => {
  expect(broken({ ...turns(6_000), attempts: [attempt('a'), attempt('b', { beganAt: 130 })] })).toEqual(RULE);
});

describe('not compared is', () => {
  test('a client that was not there all the time', () => {
    expect(broken(turns(10_100, { clients: ['alice'] }))).toEqual([]);
  });

  test('one that wanted less than the pool has, for most of the time', () => {
    const idle = turns(10_100);
    const late = idle.calls.map((each) => (each.client === 'bob' ? { ...each, calledAt: 6_500 } : each));
    expect(broken({ ...idle, calls: late })).toEqual([]);
    // With two slots one call is less than it could be given.
    expect(broken({ ...idle, workers: 2 })).toEqual([]);
    const queued = idle.calls.map((each) => (each.client === 'bob' ? { ...each, isSubmitted: true } : each));
    expect(broken({ ...idle, calls: queued })).toEqual([]);
  });

  test('the time in which one of them wanted nothing, so that the others had it all', () => {
    const resting = turns(6_000);
    const late = resting.calls.map((each) => (each.client === 'bob' ? { ...each, calledAt: 5_900 } : each));
    expect(broken({ ...resting, calls: late })).toEqual(RULE);
    const spans = comparisonsOf({ ...resting, calls: late }).map(({ usedMs }) => [...usedMs]);
    expect(spans).toEqual([
      [
        ['alice', 100],
        ['bob', 5_000],
      ],
    ]);
  });

  test('a time of less than three seconds', () => {
    expect(broken(turns(8_100, { recoveredAt: 8_001 }))).toEqual([]);
    expect(broken(turns(8_100, { recoveredAt: 8_000 }))).toEqual(RULE);
  });
});

describe('compared is only what comes after', () => {
  test('the last fault, and the return of the workers', () => {
    const faults = [fault('freeze-worker-for-long', 1_500, 5_000)];
    expect(broken(turns(7_000, { faults }))).toEqual([]);
    expect(broken(turns(5_100, { faults }))).toEqual(RULE);
    expect(broken(turns(7_100, { faults, recoveredAt: 7_000 }))).toEqual(RULE);
    expect(broken(turns(9_000, { faults, recoveredAt: 7_000 }))).toEqual([]);
  });

  test('a restart among other faults, by as long as leases live of which nobody may know', () => {
    const faults = [fault('restart-coordinator', 1_100, 2_000)];
    expect(broken(turns(8_000, { faults }))).toEqual([]);
    expect(broken(turns(7_100, { faults }))).toEqual(RULE);
    expect(broken(turns(2_100, { faults: [fault('restart-coordinator-alone', 1_100, 2_000)] }))).toEqual(
      RULE,
    );
  });
});

describe('a machine that stands still', () => {
  const stalled = (turnAt: number, stalls: readonly Span[]): History => {
    const of = turns(turnAt);
    return { ...of, attempts: of.attempts.map((each, index) => (index === 0 ? { ...each, stalls } : each)) };
  };

  test('is nobody’s share', () => {
    // Of ten seconds Alice has five, four of which nothing moved in: she has one of the six that count.
    expect(broken(stalled(6_000, [{ from: 2_000, to: 6_000 }]))).toEqual([]);
    expect(broken(stalled(6_000, [{ from: 1_500, to: 6_000 }]))).toEqual(RULE);
  });

  test('for too long leaves nothing to compare', () => {
    expect(broken(stalled(1_500, [{ from: 1_200, to: 9_000 }]))).toEqual([]);
  });
});
