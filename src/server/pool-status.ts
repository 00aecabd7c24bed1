import type { StatusDocument__Output } from '../wire/generated/offhand/v1/StatusDocument.js';
import type { TaskState__Output } from '../wire/generated/offhand/v1/TaskState.js';
import type { WorkerState__Output } from '../wire/generated/offhand/v1/WorkerState.js';
import type { Coordinator } from './coordinator.js';

/** What the pool is doing, as everybody is told. @param httpAddress empty where there is no HTTP service. */
export async function poolStatus(
  coordinator: Coordinator,
  { httpAddress, code }: { httpAddress: string; code: 'any' | 'named' },
): Promise<StatusDocument__Output> {
  const { members, wanted, waiting, policy } = coordinator;
  const workers = await Promise.all(
    members.inOrder.map(async (link) => {
      const state = withRemaining(await link.state(), (epoch) => coordinator.expectedMs(epoch));
      const deaths = members.lossesOf(link.info.worker);
      return { ...state, busy: coordinator.isBusy(link.id), deaths };
    }),
  );
  const queue = { pending: waiting, tasks: [] };
  return { workers, queue, wanted: wanted + members.joined, httpAddress, policy, code };
}

/**
 * A worker's state with how long its tasks still take, where that is known.
 *
 * @param expectedMs how long what runs under a lease takes in all, by the lease's epoch.
 */
function withRemaining(
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
