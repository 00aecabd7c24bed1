import { CoordinatorLink } from '../client/coordinator-link.js';
import { DirectExecutor } from '../client/direct-executor.js';
import type { Credentials } from '../wire/credentials.js';
import type { CoordinatorPlace, QueueOptions } from '../wire/process-messages.js';
import type { TaskStore } from './store.js';
import { MemoryTaskStore } from './stores/memory.js';
import { TaskQueue, type TaskQueueLog } from './task-queue.js';

/** By which the pool knows the queue among its clients. */
const CLIENT_ID = 'queue';

/** Opens the store that the options name. */
export function openStore(): Promise<TaskStore> {
  return Promise.resolve(new MemoryTaskStore());
}

/** The queue of a pool, which is a client of the coordinator at `place`. */
export function openQueue(
  store: TaskStore,
  options: QueueOptions,
  place: CoordinatorPlace,
  credentials: Credentials,
  log: TaskQueueLog,
): Promise<TaskQueue> {
  const makeExecutor = (onCapacity: () => void) => {
    const coordinator = new CoordinatorLink(place, credentials, CLIENT_ID, place.certifiedFor);
    // The coordinator is this process: it is not waited for.
    return new DirectExecutor(coordinator, credentials, { slots: 0, reconnectMs: 0, onCapacity });
  };
  return TaskQueue.open(store, makeExecutor, options, log);
}
