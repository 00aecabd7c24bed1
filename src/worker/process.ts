// Entry of a worker process that a supervisor started: takes its options over the channel, says where it listens.
import { url as inspectorUrl } from 'node:inspector';
import { messageOf } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import { removeOwnFolder } from '../host/work-root.js';
import type { CoordinatorPlace, WorkerNotice, WorkerOptions, WorkerOrder } from '../wire/process-messages.js';
import { formatAddress } from '../wire/address.js';
import { slotPlaces } from './slot-place.js';
import { Worker } from './worker.js';

const tell = (notice: WorkerNotice) =>
  new Promise<void>((resolve) => {
    if (!process.connected) resolve();
    else process.send?.(notice, () => resolve());
  });

// The terminal's Ctrl-C and hang-up reach the whole group; when to end is the supervisor's decision.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
// Whoever read our output may be gone; that is no reason to lose the tasks.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

/** Where it is its to remove. */
let ownFolder: string | undefined;

/** At once, with all that tasks have started: even a thread that is stuck in native code does not hold this up. */
function killSelf(): void {
  if (ownFolder !== undefined) removeOwnFolder(ownFolder);
  process.kill(-process.pid, 'SIGKILL');
}

const coordinator = withResolvers<CoordinatorPlace>();
const draining = withResolvers<number>();

async function run(options: WorkerOptions): Promise<void> {
  let isAttached = false;
  try {
    // The threads load what they need while this one does.
    const slots = new Worker({
      ...options,
      slotPlaces: slotPlaces(options),
      name: options.name ?? options.replaces?.name,
      keepsOutput: options.logDir !== undefined,
    });
    const { startWorker } = await import('./start.js');
    const worker = await startWorker(slots, options, options.isWaiting ? undefined : coordinator.promise, {
      listening: (port) => void tell({ type: 'listening', port }),
      attached: (name, place) => {
        if (!isAttached && inspectorUrl()) console.log(`${name}: a debugger can attach at ${inspectorUrl()}`);
        isAttached = true;
        void tell({ type: 'started', id: options.id, worker: name, coordinator: formatAddress(place) });
        if (options.coordinatorTimeoutMs > 0) process.off('disconnect', killSelf);
      },
      retiring: () => void tell({ type: 'retiring' }),
    });
    process.on('SIGTERM', () => void worker.stop(0));
    void draining.promise.then((withinMs) => worker.stop(withinMs));
    // One that came by itself ends with whoever started it: nobody else would replace it, or end it.
    if (options.name === undefined) process.on('disconnect', () => void worker.stop(options.drainTimeoutMs));
    const { end, message } = await worker.ended;
    if (end === 'abandoned' && !isAttached) throw new Error(message);
    await tell({ type: 'left', end, message });
  } catch (error) {
    await tell({ type: 'failed', message: messageOf(error) });
    process.exit(1);
  }
  // The supervisor clears away what tasks have started and written; where it is gone, that falls to the worker itself.
  if (!process.connected) killSelf();
  process.exit(0);
}

// A coordinator that ends before this worker has started has no use for it; later only one that cannot come back.
process.on('disconnect', killSelf);
process.on('message', (order: WorkerOrder) => {
  if ('options' in order) {
    const { folder } = order.options;
    if (folder?.isTemporary) ownFolder = folder.path;
    void run(order.options);
  } else if ('coordinator' in order) coordinator.resolve(order.coordinator);
  else draining.resolve(order.drainWithinMs);
});
