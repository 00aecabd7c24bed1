import { setMaxListeners } from 'node:events';
import { PoolError, thatMayHaveRun } from '../../core/errors.js';
import type { CompiledFile } from '../../core/stack.js';
import { logLineFrom, type TaskEvent, taskEvents, type TaskLogLine } from './task-events.js';
import type { TaskState } from '../../core/queue/task.js';
import type { TaskOutcome__Output } from '../../wire/generated/offhand/v1/TaskOutcome.js';
import { decodePayload, payloadFrom } from '../../wire/values/payload.js';
import type { Follower, Listener } from './follower.js';
import { checkKeys, checkSignal } from '../options.js';
import { errorOf } from '../outcome.js';
import { nameWrittenPlaces, throwToCaller } from '../task-stack.js';
import type { QueueLink } from './queue-link.js';
import { type TaskDetails, taskDetailsFrom } from './task-details.js';
import { type TaskExplanation, taskExplanationFrom } from './task-explanation.js';

/** Where the code of a function is written. */
export type WrittenFiles = () => readonly CompiledFile[];

const NOTHING_WRITTEN: WrittenFiles = () => [];

/** A grip on a submitted task. It can be taken up again from any process by its id: `pool.task(id)`. */
export class TaskHandle<R = unknown> implements AsyncIterable<TaskEvent> {
  /** By which the queue knows it: letters and digits. */
  readonly id: string;
  readonly #link: QueueLink;
  readonly #follower: Follower;
  readonly #written: WrittenFiles;

  /**
   * @internal Handles are made by `pool.submit` and `pool.task`.
   * @param written where what it runs is written, of one that was submitted here.
   */
  constructor(id: string, link: QueueLink, follower: Follower, written: WrittenFiles = NOTHING_WRITTEN) {
    this.id = id;
    this.#link = link;
    this.#follower = follower;
    this.#written = written;
  }

  /**
   * What the task came to, once it has. Rejects with what its function threw, or with a PoolError as `pool.run` does; and
   * with `result-dropped` when it was kept no longer, `not-found` when the queue knows no such task.
   *
   * @param options.signal ends the wait, not the task
   */
  result(options: { signal?: AbortSignal } = {}): Promise<R> {
    const written = this.#written;
    return new Promise<R>((resolve) => {
      checkKeys('handle.result', options, ['signal']);
      const { signal } = options;
      checkSignal(signal);
      const fail = (error: unknown) => resolve(throwToCaller(error));
      const leave = () => {
        this.#follower.leave(this.id, listener);
        fail(
          new PoolError('cancelled', `the wait for task ${this.id} was cancelled`, {
            cause: signal?.reason,
            mayHaveRun: true,
          }),
        );
      };
      const over = () => signal?.removeEventListener('abort', leave);
      const listener: Listener = {
        wantsNews: false,
        onNews: () => undefined,
        onOutcome(outcome) {
          over();
          try {
            resolve(valueOf(outcome) as R);
          } catch (error) {
            nameWrittenPlaces(error, written());
            fail(error);
          }
        },
        onFailed(reason) {
          over();
          fail(thatMayHaveRun(reason)); // It ends the wait: of the task nothing is known.
        },
      };
      if (signal?.aborted) return leave();
      if (signal) setMaxListeners(0, signal); // One per wait that shares it, each taken off when its wait is over.
      signal?.addEventListener('abort', leave, { once: true });
      this.#follower.follow(this.id, listener);
    });
  }

  /** Where it is. @throws PoolError `not-found` */
  async state(): Promise<TaskState> {
    return (await this.details()).state;
  }

  /** All that the queue knows of it. @throws PoolError `not-found` */
  async details(): Promise<TaskDetails> {
    const [task] = await this.#link.get([this.id]);
    if (task) return taskDetailsFrom(task);
    throw new PoolError('not-found', `there is no task ${this.id}`);
  }

  /** Why it stands where it does, where its time went, and why it ran where it did. @throws PoolError `not-found` */
  async explain(): Promise<TaskExplanation> {
    return taskExplanationFrom(await this.#link.explain(this.id));
  }

  /**
   * Cancels it: one that waits is over at once, one that runs is being stopped. Does nothing to one that has its outcome.
   *
   * @throws PoolError `not-found`
   */
  async cancel(): Promise<void> {
    await this.#link.cancel([this.id]);
  }

  /** Lets it run again after it has failed, or was cancelled. @throws PoolError `invalid-argument`, `not-found`, `result-dropped` */
  async retry(): Promise<void> {
    await this.#link.retry([this.id]);
  }

  /**
   * What its last attempt has printed: the end of it, 64 Ki characters at most.
   *
   * @throws PoolError `not-found`, `result-dropped`
   */
  async logs(): Promise<TaskLogLine[]> {
    return (await this.#link.logs(this.id)).map(logLineFrom);
  }

  /**
   * What happens to it, up to its outcome; of that, `result()` tells more. First comes how it stands now, then what it has
   * printed so far, as far as that is kept.
   */
  [Symbol.asyncIterator](): AsyncGenerator<TaskEvent, void, void> {
    return taskEvents(this.id, this.#follower);
  }
}

function valueOf({ result, failure }: TaskOutcome__Output): unknown {
  if (failure) throw errorOf(failure);
  return decodePayload(payloadFrom(result, 'result'));
}
