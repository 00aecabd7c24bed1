import { PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { TaskRecord } from './store.js';

export function noSuchTask(id: TaskId): PoolError {
  return new PoolError('not-found', `there is no task ${id}`);
}

export function outcomeDropped(id: TaskId): PoolError {
  return new PoolError(
    'result-dropped',
    `the result of task ${id} was kept no longer; start the server with a longer --keep-results, or a higher --keep-count`,
    { mayHaveRun: true },
  );
}

/** @throws PoolError `not-found`, `result-dropped`; `invalid-argument` for one that has not failed */
export function checkRetry(id: TaskId, record: TaskRecord | undefined): void {
  if (!record) throw noSuchTask(id);
  if (record.isDropped)
    throw new PoolError('result-dropped', `task ${id}: what it takes to run it was kept no longer`, {
      mayHaveRun: true,
    });
  if (record.state !== 'failed' && record.state !== 'cancelled')
    throw new PoolError(
      'invalid-argument',
      `task ${id} ${record.state === 'succeeded' ? 'has succeeded' : `is ${record.state}`}; only one that has failed, or was cancelled, runs again`,
    );
}
