import { answerOf } from '../../chaos/answer.js';
import { check } from '../../chaos/checker.js';
import type { Attempt, Call, History, Outcome, Round } from '../../chaos/history.js';

// Histories made by hand, of a pool with one worker of one slot.

/** A call of `alice` at 100, settled at 200, by its right answer unless told otherwise. */
export function call(id: string, changes: Partial<Call> = {}, ...outcomes: Outcome[]): Call {
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
export function attempt(of: string, changes: Partial<Attempt> = {}): Attempt {
  return { call: of, pid: 7, thread: 1, beganAt: 110, seenAt: 120, hasEnded: true, ...changes };
}

export function round(changes: Partial<Round> = {}): Round {
  return { faults: [], startedAt: 0, recoveredAt: 0, ...changes };
}

export function history(calls: Call[], attempts: Attempt[], changes: Partial<History> = {}): History {
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

export const lost = (mayHaveRun: boolean): Outcome => ({
  kind: 'refused',
  code: 'worker-lost',
  mayHaveRun,
  message: 'lost',
});

/** The rules that a history breaks. */
export const broken = (of: History) => [...new Set(check(of).map(({ rule }) => rule))];
