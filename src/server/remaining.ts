import type { TaskState__Output } from '../wire/generated/offhand/v1/TaskState.js';
import type { WorkerState__Output } from '../wire/generated/offhand/v1/WorkerState.js';

/**
 * A worker's state with how long its tasks still take, where that is known.
 *
 * @param expectedMs how long what runs under a lease takes in all, by the lease's epoch.
 */
export function withRemaining(
  state: WorkerState__Output,
  expectedMs: (epoch: number) => number | undefined,
): WorkerState__Output {
  const tasks = state.tasks.map((task): TaskState__Output => {
    const expected = expectedMs(task.leaseEpoch);
    if (expected === undefined) return task;
    return { ...task, remainingMs: Math.max(0, expected - task.runningMs) };
  });
  return { ...state, tasks };
}
