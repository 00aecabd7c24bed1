import { assertNever } from '../core/assert-never.js';
import { UndecodedFailure } from '../client/outcome.js';
import { messageOf, PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { Verdict } from '../core/queue/task.js';
import type { Failure } from '../wire/outcome.js';
import { failureFrom } from './messages.js';
import type { TaskOutcome, TaskStore } from './store.js';

/** What is decided about a task, in words. */
export function errorFor(verdict: Verdict, id: TaskId, mayHaveRun: boolean): PoolError {
  switch (verdict.kind) {
    case 'cancelled':
      return new PoolError('cancelled', `task ${id} was cancelled`, { mayHaveRun });
    case 'queue-timeout':
      return new PoolError(
        'queue-timeout',
        `task ${id}: no worker was free within its queueTimeoutMs of ${verdict.limitMs}`,
      );
    case 'deadline-exceeded':
      return new PoolError('deadline-exceeded', `task ${id}: it did not end within its deadlineMs`, {
        mayHaveRun,
      });
    case 'cut-short':
      return new PoolError(
        'worker-lost',
        `task ${id}: its coordinator ended while it may have run, and with retries: 0 it does not run twice`,
        { mayHaveRun: true },
      );
    case 'upstream':
      return new PoolError(
        'cancelled',
        `task ${id}: a task it comes after, ${verdict.id}, has not succeeded`,
      );
    default:
      return assertNever(verdict);
  }
}

/** What an attempt failed with. */
export function failureOf(reason: unknown): Failure {
  if (reason instanceof UndecodedFailure) return failureFrom(reason.failure);
  const { code, mayHaveRun } =
    reason instanceof PoolError ? reason : { code: 'internal' as const, mayHaveRun: true };
  return { code, message: messageOf(reason), mayHaveRun };
}

/** The outcome of a task that was never given to a worker. */
export function outcomeFor(verdict: Verdict, id: TaskId, upstream?: TaskOutcome): TaskOutcome {
  if (verdict.kind === 'upstream' && upstream && upstream.state !== 'succeeded') {
    const { state, failure } = upstream;
    return { state, failure: handedDown(failure, verdict.id), runMs: 0 };
  }
  const { code, message, mayHaveRun } = errorFor(verdict, id, false);
  const state = code === 'cancelled' ? 'cancelled' : 'failed';
  return { state, failure: { code, message, mayHaveRun }, runMs: 0 };
}

/** Of those that hand down the outcome of another task, that one. */
export async function upstreamOutcomes(
  store: TaskStore,
  settles: readonly { how: Verdict }[],
): Promise<Map<TaskId, TaskOutcome>> {
  const ids = settles.flatMap(({ how }) => (how.kind === 'upstream' ? [how.id] : []));
  const outcomes = ids.length > 0 ? await store.outcomes(ids) : [];
  const known = new Map<TaskId, TaskOutcome>();
  outcomes.forEach((outcome, index) => {
    if (outcome && outcome !== 'dropped') known.set(ids[index] as TaskId, outcome);
  });
  return known;
}

function handedDown(failure: Failure, id: TaskId): Failure {
  const message = /^the task it comes after/.test(failure.message)
    ? failure.message
    : `the task it comes after, ${id}, did not succeed: ${failure.message}`;
  return { ...failure, message, mayHaveRun: false };
}
