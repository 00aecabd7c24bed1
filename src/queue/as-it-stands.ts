import type { TaskRecord } from './store.js';
import type { Made } from './course.js';

/**
 * A task as people are told of it. To its store one that was claimed runs, though it may wait for a worker, and what becomes
 * of its attempts the store hears with its outcome only.
 *
 * @param made of one that is claimed: null where no worker has had it so far, undefined where nobody here knows.
 */
export function asItStands(record: TaskRecord, made: Made | null | undefined): TaskRecord {
  const { state, attempt, startedAt } = record;
  if (state !== 'running')
    return startedAt === undefined && attempt > 0 ? told(record, { attempt: 0 }) : record;
  if (made === undefined) return told(record, { startedAt: undefined });
  if (made) return told(record, { attempt: made.attempt, startedAt: made.at });
  return told(record, { state: 'pending', attempt: startedAt === undefined ? 0 : attempt - 1 });
}

/** Its facts one by one: it may have them by getters. */
function told(record: TaskRecord, news: Partial<TaskRecord>): TaskRecord {
  const { spec, state, attempt, startedAt, settledAt, failure, runMs, course, isDropped } = record;
  return { spec, state, attempt, startedAt, settledAt, failure, runMs, course, isDropped, ...news };
}
