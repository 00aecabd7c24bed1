import { PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';

export function noSuchTask(id: TaskId): PoolError {
  return new PoolError('not-found', `there is no task ${id}`);
}

export function outcomeDropped(id: TaskId): PoolError {
  return new PoolError(
    'result-dropped',
    `the result of task ${id} was kept no longer; start the server with a longer --keep-results`,
  );
}
