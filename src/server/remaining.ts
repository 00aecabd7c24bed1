import type { TaskState } from '../wire/generated/offhand/v1/TaskState.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';

/**
 * A worker's state with how long its tasks still take, where that is known.
 *
 * @param expectedMs how long what runs under a lease takes in all, by the lease's epoch.
 */
export function withRemaining(
  state: WorkerState,
  expectedMs: (epoch: number) => number | undefined,
): WorkerState {
  const tasks = (state.tasks ?? []).map((task): TaskState => {
    const expected = expectedMs(Number(task.leaseEpoch ?? 0));
    if (expected === undefined) return task;
    return { ...task, remainingMs: Math.max(0, expected - Number(task.runningMs ?? 0)) };
  });
  return { ...state, tasks };
}
