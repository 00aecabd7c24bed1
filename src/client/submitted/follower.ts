import type { ServiceError } from '@grpc/grpc-js';
import { PoolError } from '../../core/errors.js';
import { isAnswer, poolErrorFrom } from '../../wire/errors.js';
import type { Follow } from '../../wire/generated/offhand/v1/Follow.js';
import type { SucceededTasks__Output } from '../../wire/generated/offhand/v1/SucceededTasks.js';
import type { TaskOutcome__Output } from '../../wire/generated/offhand/v1/TaskOutcome.js';
import type { WatchedTask__Output } from '../../wire/generated/offhand/v1/WatchedTask.js';
import type { WatchResponse__Output } from '../../wire/generated/offhand/v1/WatchResponse.js';
import type { QueueLink, WatchStream } from './queue-link.js';

/** How long to wait before a coordinator that is gone is dialled again, in ms. */
const REDIAL_MS = 200;

/** For how long a stream is kept for the next task to be followed, in ms. */
const LINGER_MS = 100;

/** Tasks of one message: what the other side reads in one turn. */
const MESSAGE_TASKS = 1_000;

/** Somebody who waits for a task. */
export interface Listener {
  /** Whether what happens before the outcome is of interest. */
  readonly wantsNews: boolean;
  onNews(task: WatchedTask__Output): void;
  onOutcome(outcome: TaskOutcome__Output): void;
  onFailed(reason: unknown): void;
}

/**
 * Follows tasks of the queue on one stream, open while there is one to follow and a moment longer. While the coordinator is gone it is dialled
 * again; what has become of the tasks meanwhile is told then.
 */
export class Follower {
  readonly #link: QueueLink;
  readonly #reconnectMs: number;
  readonly #listeners = new Map<string, Listener[]>();
  #stream: WatchStream | undefined;
  #redial: NodeJS.Timeout | undefined;
  #rest: NodeJS.Timeout | undefined;
  #goneSince: number | undefined;
  #toFollow = new Map<string, boolean>();
  #toLeave = new Set<string>();
  #isFlushDue = false;
  #isClosed = false;

  constructor(link: QueueLink, reconnectMs: number) {
    this.#link = link;
    this.#reconnectMs = reconnectMs;
  }

  follow(id: string, listener: Listener): void {
    if (this.#isClosed) return listener.onFailed(closed());
    const listeners = this.#listeners.get(id);
    if (listeners) listeners.push(listener);
    else this.#listeners.set(id, [listener]);
    if (listeners && !listener.wantsNews) return; // It is followed already.
    this.#toLeave.delete(id);
    this.#toFollow.set(id, listener.wantsNews || (this.#toFollow.get(id) ?? false));
    this.#flushSoon();
  }

  leave(id: string, listener: Listener): void {
    const listeners = this.#listeners.get(id);
    const others = listeners?.filter((one) => one !== listener);
    if (!others || others.length === listeners?.length) return;
    if (others.length > 0) return void this.#listeners.set(id, others);
    this.#listeners.delete(id);
    this.#toFollow.delete(id);
    this.#toLeave.add(id);
    this.#flushSoon();
  }

  /** Its coordinator is another one from now on. */
  moved(): void {
    const stream = this.#stream;
    if (!stream) return;
    this.#onBroken(undefined);
    stream.cancel();
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
    this.#failAll(closed());
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      if (this.#isClosed || this.#redial) return; // Everything is asked for anew.
      if (this.#listeners.size > 0 || this.#stream) this.#write();
      this.#restSoon();
    });
  }

  #write(): void {
    const follow = [...this.#toFollow].map(([taskId, news]): Follow => ({ taskId, news }));
    const leave = [...this.#toLeave];
    this.#toFollow = new Map();
    this.#toLeave = new Set();
    if (follow.length + leave.length === 0) return;
    const stream = (this.#stream ??= this.#dial());
    for (let first = 0; first === 0 || first < follow.length; first += MESSAGE_TASKS)
      stream.write({
        follow: follow.slice(first, first + MESSAGE_TASKS),
        leave: leave.splice(0),
        packs: true,
      });
  }

  /** A process that has nothing else to do is not kept alive for long. */
  #restSoon(): void {
    clearTimeout(this.#rest);
    if (this.#listeners.size === 0) this.#rest = setTimeout(() => this.#end(), LINGER_MS);
  }

  #dial(): WatchStream {
    const stream = this.#link.watch();
    stream.on('metadata', () => {
      if (stream === this.#stream) this.#goneSince = undefined;
    });
    stream.on('data', ({ tasks, succeeded }: WatchResponse__Output) => {
      if (stream !== this.#stream) return;
      for (const task of tasks) this.#onTask(task);
      for (const group of succeeded) this.#onSucceeded(group);
      if (this.#listeners.size === 0) this.#restSoon();
    });
    const broken = (error?: ServiceError) => {
      if (stream === this.#stream) this.#onBroken(error);
    };
    stream.on('error', broken);
    stream.on('end', () => broken());
    return stream;
  }

  #onTask(task: WatchedTask__Output): void {
    const { taskId, outcome, refused } = task;
    const listeners = this.#listeners.get(taskId);
    if (!listeners) return;
    if (!outcome && !refused) {
      for (const listener of listeners) if (listener.wantsNews) listener.onNews(task);
      return;
    }
    this.#listeners.delete(taskId);
    for (const listener of listeners) {
      if (outcome) listener.onOutcome(outcome);
      else if (refused) listener.onFailed(poolErrorFrom(refused));
    }
  }

  #onSucceeded({ taskIds, results, lengths, runMs }: SucceededTasks__Output): void {
    if (!results) return;
    let end = 0;
    taskIds.forEach((taskId, index) => {
      const start = end;
      end += lengths[index] ?? 0;
      const listeners = this.#listeners.get(taskId);
      if (!listeners) return;
      this.#listeners.delete(taskId);
      const result = { encoding: results.encoding, data: results.data.subarray(start, end) };
      const outcome = { state: 'succeeded', outcome: 'result' as const, result, runMs: runMs[index] ?? 0 };
      for (const listener of listeners) listener.onOutcome(outcome);
    });
  }

  #onBroken(error: ServiceError | undefined): void {
    this.#stream = undefined;
    if (this.#listeners.size === 0) return; // It was kept for the next one.
    this.#goneSince ??= performance.now();
    if ((error && isAnswer(error)) || performance.now() - this.#goneSince >= this.#reconnectMs) {
      this.#goneSince = undefined;
      const reason = error
        ? this.#link.meaningOf(error)
        : new PoolError('unavailable', 'the pool ended the stream of its queue');
      return this.#failAll(reason);
    }
    this.#redial = setTimeout(() => {
      this.#redial = undefined;
      this.#toLeave = new Set();
      for (const [id, listeners] of this.#listeners)
        this.#toFollow.set(
          id,
          listeners.some(({ wantsNews }) => wantsNews),
        );
      this.#flushSoon();
    }, REDIAL_MS);
  }

  #failAll(reason: unknown): void {
    const all = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listeners of all) for (const listener of listeners) listener.onFailed(reason);
  }

  #end(): void {
    clearTimeout(this.#redial);
    clearTimeout(this.#rest);
    this.#redial = undefined;
    this.#goneSince = undefined;
    this.#toLeave = new Set();
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.end();
  }
}

function closed(): PoolError {
  return new PoolError('closed', 'this pool is closed');
}
