import { CoordinatorLink } from '../client/coordinator-link.js';
import { DirectExecutor, type ExecutorSettings } from '../client/direct/direct-executor.js';
import { clientId } from '../core/ids.js';
import type { Credentials } from '../wire/credentials.js';
import { namedFunctions } from '../wire/functions/named.js';
import type { CoordinatorPlace, QueueOptions, ServerOptions } from '../wire/process-messages.js';
import { Gate, type Refused } from './gate.js';
import type { QueueObserver } from './observers.js';
import type { Capacity } from './sharing.js';
import type { TaskStore } from './store.js';
import { MemoryTaskStore } from './stores/memory.js';
import type { TaskQueueLog } from './queue-log.js';
import { TaskQueue } from './task-queue.js';

/** By which the pool knows the queue among its clients. */
export const QUEUE_CLIENT = clientId('queue');

/** Relative to this file, and to where it is bundled. */
const STORE_THREAD = new URL('../queue/store-thread.js', import.meta.url);

async function openStore({ store }: QueueOptions, log: TaskQueueLog): Promise<TaskStore> {
  if (store === 'memory') return new MemoryTaskStore();
  if ('cluster' in store) {
    const { openJetStream } = await import('./stores/jetstream/open.js');
    return openJetStream(store.cluster, store.replicas, log);
  }
  const { FileTaskStore } = await import('./stores/file.js');
  return FileTaskStore.open(store.folder, STORE_THREAD);
}

/** Opens the store that the options name, and takes up what it holds. @throws PoolError */
export async function openQueue(
  { queue: options, functions }: Pick<ServerOptions, 'queue' | 'functions'>,
  audit: (QueueObserver & { refused: Refused }) | undefined,
  log: TaskQueueLog,
): Promise<TaskQueue> {
  const gate = new Gate(namedFunctions(functions), (tasks) => audit?.refused(tasks));
  const queue = await TaskQueue.open(await openStore(options, log), options, log, gate);
  if (audit) queue.observe(audit);
  return queue;
}

/** Lets a queue run its tasks, as a client of the coordinator at `place`. */
export function startQueue(
  queue: TaskQueue,
  place: CoordinatorPlace,
  credentials: Credentials,
  log: TaskQueueLog,
  capacity: Capacity,
): void {
  const coordinator = new CoordinatorLink(place, credentials, QUEUE_CLIENT, place.certifiedFor);
  queue.start((requires, onCapacity) => {
    // A worker that has it may come at any time.
    const needs = requires.length > 0 ? { requires: [...requires], waitForFit: true } : undefined;
    // The coordinator is this process: it is not waited for.
    const onNoneFits = () =>
      log.info({ requires }, 'no worker has what submitted tasks ask for; they wait for one');
    const onRetry: ExecutorSettings['onRetry'] = ({ id, name, attempt, grant }, code, delayMs) => {
      const facts = { task: id, name, attempt, code, worker: grant?.worker, delayMs: Math.round(delayMs) };
      log.info(facts, 'retry');
    };
    const settings = { slots: 0, reconnectMs: 0, needs, onCapacity, onNoneFits, onRetry };
    return new DirectExecutor(coordinator, credentials, settings);
  }, capacity);
}
