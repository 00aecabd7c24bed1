import type { ClientId } from '../core/ids.js';
import type { TaskFacts } from '../core/queue/task.js';
import type { StatusDocument__Output } from '../wire/generated/offhand/v1/StatusDocument.js';
import type { TaskState__Output } from '../wire/generated/offhand/v1/TaskState.js';
import type { WorkerState__Output } from '../wire/generated/offhand/v1/WorkerState.js';
import type { Coordinator } from './coordinator.js';

/** So many of the submitted tasks that wait are named. */
const WAITING_SHOWN = 20;

export interface StatusSources {
  /** Submitted tasks, and who asks for workers for them. */
  queue: { waiting(limit: number): { count: number; first: readonly TaskFacts[] }; client: ClientId };
  /** Empty where there is no HTTP service. */
  httpAddress: string;
  code: 'any' | 'named';
}

/** What the pool is doing, as everybody is told. */
export async function poolStatus(
  coordinator: Coordinator,
  { queue: submitted, httpAddress, code }: StatusSources,
): Promise<StatusDocument__Output> {
  const { members, wanted, policy } = coordinator;
  const workers = await Promise.all(
    members.inOrder.map(async (link) => {
      const state = withRemaining(await link.state(), (epoch) => coordinator.expectedMs(epoch));
      const deaths = members.lossesOf(link.info.worker);
      return { ...state, busy: coordinator.isBusy(link.id), deaths };
    }),
  );
  const { count, first } = submitted.waiting(WAITING_SHOWN);
  const tasks = first.map(({ id, name }): TaskState__Output => ({
    taskId: id,
    name,
    runningMs: 0,
    leaseEpoch: 0,
  }));
  const queue = { pending: coordinator.missing(submitted.client) + count, tasks };
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
