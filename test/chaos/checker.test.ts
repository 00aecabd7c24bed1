import { describe, expect, test } from '@jest/globals';
import { answerOf, complaintOf } from '../../chaos/answer.js';
import { check } from '../../chaos/checker.js';
import type { Attempt, Call, History, Outcome, Round } from '../../chaos/history.js';

/** A call of `alice` at 100, settled at 200, by its right answer unless told otherwise. */
function call(id: string, changes: Partial<Call> = {}, ...outcomes: Outcome[]): Call {
  const [outcome = { kind: 'result', value: answerOf(id) } as const, ...more] = outcomes;
  return {
    id,
    client: 'alice',
    kind: 'noop',
    retries: undefined,
    isSubmitted: false,
    task: undefined,
    calledAt: 100,
    outcomes: [outcome, ...more].map((each) => ({ at: 200, outcome: each })),
    ...changes,
  };
}

/** An attempt from 110 to 120, whole, in the one slot of process 7. */
function attempt(of: string, changes: Partial<Attempt> = {}): Attempt {
  return { call: of, pid: 7, thread: 1, beganAt: 110, seenAt: 120, hasEnded: true, ...changes };
}

function round(changes: Partial<Round> = {}): Round {
  return { faults: [], startedAt: 0, recoveredAt: 0, ...changes };
}

function history(calls: Call[], attempts: Attempt[], changes: Partial<History> = {}): History {
  const alice = { name: 'alice', pid: 1, startedAt: 0, endedAt: 10_000, end: { kind: 'closed' } } as const;
  return {
    workers: 1,
    slotsPerWorker: 1,
    calls,
    attempts,
    clients: [alice, { ...alice, name: 'bob', pid: 2 }],
    // A fault in whose shadow everything may fail that is called before 1100.
    rounds: [round()],
    restarts: [],
    queued: [],
    coordinatorKills: 0,
    leftovers: [],
    ...changes,
  };
}

const lost = (mayHaveRun: boolean): Outcome => ({
  kind: 'refused',
  code: 'worker-lost',
  mayHaveRun,
  message: 'lost',
});

/** The rules that a history breaks. */
const broken = (of: History) => [...new Set(check(of).map(({ rule }) => rule))];

test('a history in which all went well breaks no rule', () => {
  const thrown: Outcome = { kind: 'thrown', message: complaintOf('b') };
  const calls = [call('a'), call('b', { kind: 'throws' }, thrown)];
  expect(check(history(calls, [attempt('a'), attempt('b', { beganAt: 130, seenAt: 140 })]))).toEqual([]);
});

describe('the checker notices', () => {
  test('a call that never settled, unless its client was killed', () => {
    const calls = [call('a', { outcomes: [] })];
    expect(broken(history(calls, []))).toEqual(['every call settles exactly once']);
    const alice = { name: 'alice', pid: 1, startedAt: 0, endedAt: 300, end: { kind: 'killed' } } as const;
    expect(broken(history(calls, [], { clients: [alice] }))).toEqual([]);
  });

  test('a call that settled twice', () => {
    const right: Outcome = { kind: 'result', value: answerOf('a') };
    expect(broken(history([call('a', {}, right, right)], [attempt('a')]))).toEqual([
      'every call settles exactly once',
    ]);
  });

  test.each<[string, Partial<Call>, Outcome]>([
    ['the answer of another task', {}, { kind: 'result', value: answerOf('b') }],
    ['no answer at all', {}, { kind: 'result', value: undefined }],
    ['an answer of a task that throws', { kind: 'throws' }, { kind: 'result', value: answerOf('a') }],
    ['what another task threw', { kind: 'throws' }, { kind: 'thrown', message: complaintOf('b') }],
    [
      'a failure that no fault explains',
      {},
      { kind: 'refused', code: 'internal', mayHaveRun: true, message: '' },
    ],
    [
      'a time limit that it does not have',
      {},
      { kind: 'refused', code: 'timeout', mayHaveRun: true, message: '' },
    ],
  ])('%s', (_, changes, outcome) => {
    expect(broken(history([call('a', changes, outcome)], [attempt('a')]))).toEqual([
      'no right answer is lost and no wrong one given',
    ]);
  });

  test('an answer that no thread has given', () => {
    const cutShort = attempt('a', { hasEnded: false });
    for (const attempts of [[], [cutShort]]) {
      expect(broken(history([call('a')], attempts))).toEqual([
        'no right answer is lost and no wrong one given',
      ]);
    }
  });

  test('a call that failed while nothing had happened', () => {
    const calls = [call('a', { calledAt: 1_200, outcomes: [{ at: 1_300, outcome: lost(false) }] })];
    expect(broken(history(calls, []))).toEqual(['nothing fails without a fault']);
    expect(broken(history(calls, [], { rounds: [round({ recoveredAt: 500 })] }))).toEqual([]);
  });

  test('mayHaveRun: false of a call that has begun', () => {
    const rule = 'mayHaveRun is false only of what has not begun';
    expect(broken(history([call('a', {}, lost(false))], [attempt('a')]))).toEqual([rule]);
    expect(broken(history([call('a', {}, lost(true))], []))).toEqual([]);
  });

  test.each([
    [0, 1],
    [undefined, 2],
    [3, 4],
  ])('with retries %p a call that began more than %i times', (retries, allowed) => {
    const attempts = Array.from({ length: allowed }, (_, index) =>
      attempt('a', { pid: index, beganAt: 110 + 20 * index, seenAt: 120 + 20 * index }),
    );
    expect(broken(history([call('a', { retries })], attempts))).toEqual([]);
    expect(broken(history([call('a', { retries })], [...attempts, attempt('a', { pid: 99 })]))).toEqual([
      'no call begins more often than its policy allows',
    ]);
  });

  test('a submitted task that began more often than by its policy with each coordinator; with retries: 0 twice', () => {
    const attempts = (count: number) =>
      Array.from({ length: count }, (_, n) =>
        attempt('a', { pid: n, beganAt: 110 + 20 * n, seenAt: 120 + 20 * n }),
      );
    const submitted = { isSubmitted: true, task: 'a1' };
    const kills = { coordinatorKills: 2 };
    const rule = 'no call begins more often than its policy allows';
    expect(broken(history([call('a', submitted)], attempts(6), kills))).toEqual([]);
    expect(broken(history([call('a', submitted)], attempts(7), kills))).toEqual([rule]);
    expect(broken(history([call('a', { ...submitted, retries: 0 })], attempts(2), kills))).toEqual([rule]);
  });

  test('a task that the queue has taken on and that has no outcome in the end', () => {
    const queued = [{ call: 'a', state: 'pending' }];
    const submitted = call('a', { isSubmitted: true, task: 'a1' });
    expect(broken(history([submitted], [attempt('a')], { queued }))).toEqual([
      'what the queue has taken on has an outcome',
    ]);
    const done = [{ call: 'a', state: 'succeeded' }];
    expect(broken(history([submitted], [attempt('a')], { queued: done }))).toEqual([]);
  });

  test('a task that nobody called', () => {
    expect(broken(history([], [attempt('a')]))).toEqual(['no call begins more often than its policy allows']);
  });

  const rule = 'no slot runs two attempts at once';

  test('two attempts at once in one thread', () => {
    const calls = [call('a'), call('b')];
    expect(broken(history(calls, [attempt('a'), attempt('b', { beganAt: 119, seenAt: 125 })]))).toEqual([
      rule,
    ]);
    const paused = attempt('a', { hasEnded: false, seenAt: 112 });
    expect(
      broken(history(calls, [paused, attempt('a', { pid: 8 }), attempt('b', { beganAt: 119 })])),
    ).toEqual([rule]);
  });

  test('more attempts at once in a worker than it has slots', () => {
    const calls = [call('a'), call('b')];
    const attempts = [attempt('a'), attempt('b', { thread: 2, beganAt: 115 })];
    expect(broken(history(calls, attempts))).toEqual([rule]);
    expect(broken(history(calls, attempts, { slotsPerWorker: 2 }))).toEqual([]);
  });

  test('what begins, or runs on, long after its call is over', () => {
    const ended = 'nothing runs on for a call that is over';
    const calls = [call('a', {}, lost(true))];
    expect(broken(history(calls, [attempt('a', { beganAt: 6_000, seenAt: 6_001 })]))).toEqual([ended]);
    expect(broken(history(calls, [attempt('a', { seenAt: 6_000, hasEnded: false })]))).toEqual([ended]);
  });

  test('but not what runs of a submitted task whose client has only given up waiting for its coordinator', () => {
    const refused = (code: string) =>
      ({ kind: 'refused', code, mayHaveRun: true, message: 'gone' }) as const satisfies Outcome;
    const late = [attempt('a', { beganAt: 8_000, seenAt: 8_001 })];
    const ended = ['nothing runs on for a call that is over'];
    expect(broken(history([call('a', { isSubmitted: true }, refused('unavailable'))], late))).toEqual([]);
    expect(broken(history([call('a', {}, refused('unavailable'))], late))).toEqual(ended);
    expect(broken(history([call('a', { isSubmitted: true }, refused('worker-lost'))], late))).toEqual(ended);
  });

  test('what runs on for a client that was killed', () => {
    const alice = { name: 'alice', pid: 1, startedAt: 0, endedAt: 300, end: { kind: 'killed' } } as const;
    const calls = [call('a', { outcomes: [] })];
    const attempts = [attempt('a', { seenAt: 6_000, hasEnded: false })];
    expect(broken(history(calls, attempts, { clients: [alice] }))).toEqual([
      'nothing runs on for a call that is over',
    ]);
  });

  test('a pool that does not come back to strength', () => {
    expect(broken(history([], [], { rounds: [round({ recoveredAt: undefined })] }))).toEqual([
      'the pool is at full strength again after each fault',
    ]);
  });

  test('a client that has next to nothing of a calm time', () => {
    const calls = [call('a'), call('b', { client: 'bob' })].map((each) => ({
      ...each,
      calledAt: 1_000,
      outcomes: [{ at: 7_000, outcome: { kind: 'result', value: answerOf(each.id) } as const }],
    }));
    const calm = round({ calmUntil: 7_000, clients: ['alice', 'bob'] });
    const times = (share: number): History => {
      const turnAt = 1_000 + 6_000 * share;
      const attempts = [
        attempt('a', { beganAt: 1_000, seenAt: turnAt }),
        attempt('b', { beganAt: turnAt, seenAt: 7_000 }),
      ];
      return history(calls, attempts, { rounds: [calm] });
    };
    expect(broken(times(0.5))).toEqual([]);
    expect(broken(times(0.05))).toEqual(['shares recover after each fault']);
    // Bob may have had nothing to do, or nothing but what he had left with the queue.
    const idle = times(0.95);
    const late = idle.calls.map((each) => (each.client === 'bob' ? { ...each, calledAt: 5_000 } : each));
    expect(broken({ ...idle, calls: late })).toEqual([]);
  });

  test('but not a client that had nothing while there was no coordinator to give it anything', () => {
    const calls = [call('a'), call('b', { client: 'bob' }), call('a2')].map((each) => ({
      ...each,
      calledAt: 1_000,
      outcomes: [{ at: 7_000, outcome: { kind: 'result', value: answerOf(each.id) } as const }],
    }));
    const attempts = [
      attempt('a', { beganAt: 1_000, seenAt: 6_400 }),
      attempt('a2', { beganAt: 6_400, seenAt: 6_700 }),
      attempt('b', { beganAt: 6_700, seenAt: 7_000 }),
    ];
    const during = (target: string): History => {
      const faults = [{ kind: 'restart-coordinator', target, at: 1_000, until: 6_400 } as const];
      const rounds = [round({ calmUntil: 7_000, clients: ['alice', 'bob'], faults: [...faults] })];
      return history(calls, attempts, { rounds });
    };
    expect(broken(during('coordinator'))).toEqual([]);
    expect(broken(during('somebody else'))).toEqual(['shares recover after each fault']);
  });

  test('a client that has next to nothing once a worker is back on which all its calls lay, but not before', () => {
    const times = (aliceFrom: number): History => {
      const calls = [call('a', { calledAt: 1_000 }), call('b', { client: 'bob', calledAt: 1_000 })];
      const attempts = [
        attempt('b', { beganAt: 1_000, seenAt: aliceFrom }),
        attempt('a', { beganAt: aliceFrom, seenAt: 12_000 }),
      ];
      const settled = calls.map((each) => ({
        ...each,
        outcomes: [{ at: 12_000, outcome: { kind: 'result', value: answerOf(each.id) } as const }],
      }));
      const freeze = {
        kind: 'freeze-worker-for-long',
        target: 'process 7',
        at: 2_500,
        until: 7_800,
      } as const;
      const faults = [freeze];
      const calm = { recoveredAt: 8_000, calmUntil: 12_000, clients: ['alice', 'bob'], faults };
      return history(settled, attempts, { rounds: [round(calm)] });
    };
    expect(broken(times(10_000))).toEqual([]);
    expect(broken(times(11_800))).toEqual(['shares recover after each fault']);
  });

  test('a client that has next to nothing once the workers are there that have to start after a restart', () => {
    const times = (aliceFrom: number): History => {
      const calls = [call('a'), call('b', { client: 'bob' })].map((each) => ({
        ...each,
        calledAt: 1_000,
        outcomes: [{ at: 12_000, outcome: { kind: 'result', value: answerOf(each.id) } as const }],
      }));
      const attempts = [
        attempt('b', { beganAt: 1_000, seenAt: aliceFrom }),
        attempt('a', { beganAt: aliceFrom, seenAt: 12_000 }),
      ];
      const faults = [
        { kind: 'restart-coordinator', target: 'coordinator', at: 1_000, until: 1_100 } as const,
      ];
      const clients = ['alice', 'bob'];
      const rounds = [round({ recoveredAt: 8_000, calmUntil: 12_000, clients, faults })];
      return history(calls, attempts, { rounds });
    };
    expect(broken(times(10_000))).toEqual([]);
    expect(broken(times(11_800))).toEqual(['shares recover after each fault']);
  });

  test('a slot granted to another, after a restart, while its lease lived', () => {
    const restarts = [{ killedAt: 1_000, reachableAt: 3_000, client: 'alice' }];
    const calls = [call('a1'), call('a2'), call('b', { client: 'bob' })].map((each) => ({
      ...each,
      calledAt: 1_100,
      outcomes: each.outcomes.map((outcome) => ({ ...outcome, at: 2_500 })),
    }));
    const at = (id: string, beganAt: number) => attempt(id, { beganAt, seenAt: beganAt + 10 });
    const graceful = history(calls, [at('a1', 1_200), at('a2', 1_400), at('b', 3_100)], { restarts });
    expect(broken(graceful)).toEqual([]);
    const rude = history(calls, [at('a1', 1_200), at('b', 1_400), at('a2', 3_100)], { restarts });
    expect(broken(rude)).toEqual(['slots whose leases live are left alone after a restart']);
  });

  test('a client that ended badly, and what is left over', () => {
    const failed = {
      name: 'c',
      pid: 3,
      startedAt: 0,
      endedAt: 1,
      end: { kind: 'failed', why: 'code 1' },
    } as const;
    expect(check(history([], [], { clients: [failed] }))).toEqual([
      { rule: 'clients end well', detail: 'c ended with code 1' },
    ]);
    expect(check(history([], [], { leftovers: ['the file x'] }))).toEqual([
      { rule: 'nothing is left over', detail: 'the file x' },
    ]);
  });
});
