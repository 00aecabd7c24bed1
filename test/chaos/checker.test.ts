import { describe, expect, test } from '@jest/globals';
import { answerOf, complaintOf } from '../../chaos/answer.js';
import { check } from '../../chaos/checker.js';
import type { Call, Outcome } from '../../chaos/history.js';
import { attempt, broken, call, history, lost, round } from './histories.js';

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

  test('a task that the queue has taken on and that has no outcome in the end', () => {
    const queued = [{ call: 'a', state: 'pending' }];
    const submitted = call('a', { isSubmitted: true, task: 'a1' });
    expect(broken(history([submitted], [attempt('a')], { queued }))).toEqual([
      'what the queue has taken on has an outcome',
    ]);
    const done = [{ call: 'a', state: 'succeeded' }];
    expect(broken(history([submitted], [attempt('a')], { queued: done }))).toEqual([]);
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
