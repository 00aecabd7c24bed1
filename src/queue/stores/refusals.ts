import { PoolError } from '../../core/errors.js';
import type { TaskId } from '../../core/ids.js';

// What every store refuses, in the same words.

export function unknownFunction({ name, functionId }: { name: string; functionId: string }): PoolError {
  return new PoolError(
    'code-unknown',
    `\`${name}\`: the queue does not know its function (${functionId}): send it along`,
  );
}

export function notThere({ name }: { name: string }, id: TaskId): PoolError {
  return new PoolError('not-found', `\`${name}\` is to come after ${id}, and there is no such task`);
}

export function resultDropped({ name }: { name: string }, id: TaskId): PoolError {
  return new PoolError(
    'result-dropped',
    `\`${name}\` takes the result of ${id}, which was kept no longer; submit that one again, or keep results for longer (--keep-results)`,
  );
}
