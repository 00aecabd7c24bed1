import type { TaskId } from '../core/ids.js';
import type { SubmittedTask } from '../core/queue/queue.js';
import type { TaskFacts } from '../core/queue/task.js';
import { needsOf } from './executors.js';
import type { TaskSpec, UnsettledTask } from './store.js';

const NONE: readonly TaskId[] = [];

/** What decisions about a task depend on. @param unsettled of the tasks it comes after, those that have no outcome. */
function factsOf(spec: Omit<TaskSpec, 'args'>, unsettled: readonly TaskId[]): TaskFacts {
  const {
    id,
    client,
    priority,
    functionId,
    notBefore,
    group,
    results,
    queueTimeoutMs,
    deadlineAt,
    requires,
  } = spec;
  return {
    id,
    client,
    priority,
    needs: needsOf(requires),
    functionId,
    notBefore,
    group,
    after: unsettled.length > 0 ? unsettled : NONE,
    uses: results.length > 0 ? results.map((result) => result.id) : NONE,
    queueTimeoutMs,
    deadlineAt,
    runsOnce: spec.retries === 0,
  };
}

/** A task as the queue is told of it. */
export function submittedTask(
  spec: Omit<TaskSpec, 'args'>,
  { unsettled, upstream }: Pick<UnsettledTask, 'unsettled' | 'upstream'>,
): SubmittedTask {
  return { facts: factsOf(spec, unsettled), upstream };
}
