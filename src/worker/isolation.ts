import { type ResourceLimits, Worker as Thread } from 'node:worker_threads';
import type { Payload } from '../wire/values/payload.js';
import type { Audit } from './audit.js';
import type { Board } from './board.js';
import type { Stray } from './strays.js';
import type { Job, RunIsolated } from './thread/job.js';
import { failureOf, threadEnd } from './thread-end.js';
import { isThreadMessage, type SceneSettings, type ThreadMessage } from './thread-messages.js';

/** What a thread for one task is started with. */
export interface IsolatedTask {
  board: SharedArrayBuffer;
  settings: SceneSettings;
  job: Omit<Job, 'outbox' | 'fn' | 'args' | 'count' | 'isList' | 'isolate'> & { args: Payload };
}

const ENTRY = new URL('../worker/isolated-thread.js', import.meta.url);

/**
 * Runs a task in a thread that nothing has run in before and nothing will run in later. It ends with the thread of the slot at
 * the latest, so that whatever stops that stops the task too.
 *
 * @param tell passes on what is meant for the main thread.
 */
export function isolation(
  board: Board,
  settings: SceneSettings,
  audit: Audit | undefined,
  limits: ResourceLimits,
  tell: (message: ThreadMessage) => void,
): RunIsolated {
  return async (job, args, onStarted) => {
    const { epoch, number, functionId, source, name, timeoutMs, cancelGraceMs, origin, taskId, inserts } =
      job;
    const called = {
      functionId,
      source,
      name,
      timeoutMs,
      cancelGraceMs,
      origin,
      ...(taskId && { taskId }),
      ...(inserts && { inserts }),
    };
    const workerData: IsolatedTask = {
      settings,
      board: board.buffer,
      job: { ...called, epoch, number, args },
    };
    const thread = new Thread(ENTRY, { workerData, resourceLimits: limits });
    const limitMb = thread.resourceLimits?.maxOldGenerationSizeMb;
    let isAborted = false;
    onStarted((code, message) => {
      isAborted = true;
      thread.postMessage({ epoch, number, code, message });
    });
    let stray: Stray | undefined;
    let uncaught: [unknown] | undefined;
    let isSettled = false;
    await new Promise<void>((resolve) => {
      thread.on('message', (message: ThreadMessage | null) => {
        if (!isThreadMessage(message)) return;
        if (message.type === 'stray') stray = message.stray;
        else if (message.type !== 'settled') {
          tell(message);
          // What was told to end has ended; nobody waits for an outcome any more.
          if (message.type === 'idle' && isAborted) {
            isSettled = true;
            void thread.terminate();
          }
        } else if (!isSettled) {
          isSettled = true;
          void thread.terminate();
          const { outcome } = message;
          if (outcome.kind === 'result') job.outbox.encoded(epoch, number, outcome.result, outcome.runMs);
          else if (outcome.failure.code === 'lease-lost') job.outbox.notBegun(number, 1);
          else job.outbox.failed(number, 1, outcome.failure, outcome.runMs);
        }
      });
      thread.on('error', (error) => (uncaught = [error]));
      thread.on('exit', (code) => {
        if (!isSettled) {
          const end = threadEnd(code, stray, uncaught, limitMb);
          const failure = failureOf(end, name);
          const { running } = board;
          if (running) {
            board.finish(false);
            audit?.ended(running.taskId, failure.code, running.runningMs);
          }
          if (board.isOver(epoch)) tell({ type: 'idle' });
          job.outbox.failed(number, 1, failure, running?.runningMs ?? 0);
        }
        resolve();
      });
    });
  };
}
