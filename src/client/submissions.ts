import type { ServiceError } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { PoolError, thatMayHaveRun } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import { isAnswer } from '../wire/errors.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import type { NewTask } from '../wire/generated/offhand/v1/NewTask.js';
import type { QueuedFunction } from '../wire/generated/offhand/v1/QueuedFunction.js';
import type { SubmitResponse__Output } from '../wire/generated/offhand/v1/SubmitResponse.js';
import { bufferOf } from '../wire/values/buffer.js';
import type { QueueLink } from './queue-link.js';

/** No request has more tasks than this, nor more than one where their arguments would be larger than so many bytes together. */
const BATCH_TASKS = 1_000;
const BATCH_BYTES = 1024 * 1024;

/** Requests under way. More would only wait at the other end. */
const MOST_REQUESTS = 4;

/** How long to wait before a coordinator that is gone is asked again, in ms. */
const RETRY_MS = 200;

/** Functions that the queue most likely knows. */
const MAX_KNOWN = 1_000;

interface Submission {
  task: NewTask;
  fn: ShippedFunction;
  bytes: number;
  resolve: (taskId: string) => void;
  reject: (reason: unknown) => void;
}

/**
 * Tasks on their way into the queue. Those of one turn go together. Their ids are chosen here, so what was sent may be sent
 * again when the answer is lost.
 */
export class Submissions {
  readonly #link: QueueLink;
  readonly #reconnectMs: number;
  readonly #known = new LRUCache<string, true>({ max: MAX_KNOWN });
  #waiting: Submission[] = [];
  #requests = 0;
  #isFlushDue = false;

  constructor(link: QueueLink, reconnectMs: number) {
    this.#link = link;
    this.#reconnectMs = reconnectMs;
  }

  /** Resolves with the id of the task that is in the queue. */
  add(task: NewTask, fn: ShippedFunction, bytes: number): Promise<string> {
    const { promise, resolve, reject } = withResolvers<string>();
    this.#waiting.push({ task, fn, bytes, resolve, reject });
    if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      queueMicrotask(() => {
        this.#isFlushDue = false;
        this.#flush();
      });
    }
    return promise;
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#requests < MOST_REQUESTS) {
      const batch = this.#waiting.splice(0, batchLength(this.#waiting));
      this.#requests += 1;
      void this.#send(batch).finally(() => {
        this.#requests -= 1;
        this.#flush();
      });
    }
  }

  async #send(batch: readonly Submission[]): Promise<void> {
    try {
      const { tasks } = await this.#request(batch);
      for (const { fn } of batch) this.#known.set(fn.id, true);
      batch.forEach(({ resolve, task }, index) => resolve(tasks[index]?.taskId ?? String(task.taskId)));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #request(batch: readonly Submission[]): Promise<SubmitResponse__Output> {
    const goneAt = performance.now();
    let sendsAll = false;
    for (;;) {
      const functions = functionsOf(batch, (id) => sendsAll || !this.#known.has(id));
      try {
        return await this.#link.submit({ functions, tasks: batch.map(({ task }) => task) });
      } catch (error) {
        if (!(error instanceof PoolError)) throw error;
        if (error.code === 'code-unknown' && !sendsAll) {
          sendsAll = true;
          continue;
        }
        const { cause } = error;
        const isLost = cause !== undefined && !isAnswer(cause as ServiceError);
        if (!isLost) throw error;
        // Its answer may be all that was lost.
        if (performance.now() - goneAt >= this.#reconnectMs) throw thatMayHaveRun(error);
        sendsAll = true; // It may be another process by now.
        await delay(RETRY_MS);
      }
    }
  }
}

function batchLength(waiting: readonly Submission[]): number {
  let bytes = 0;
  for (let length = 0; length < waiting.length; length++) {
    bytes += waiting[length]?.bytes ?? 0;
    if (length > 0 && (bytes > BATCH_BYTES || length === BATCH_TASKS)) return length;
  }
  return waiting.length;
}

function functionsOf(batch: readonly Submission[], isWanted: (id: string) => boolean): QueuedFunction[] {
  const functions = new Map<string, QueuedFunction>();
  for (const { fn } of batch) {
    if (functions.has(fn.id) || !isWanted(fn.id)) continue;
    const parts = fn.parts.map(({ kind, name, remedy, data }) => ({
      kind,
      name,
      remedy,
      data: bufferOf(data),
    }));
    functions.set(fn.id, { source: fn.source, parts, preview: fn.preview });
  }
  return [...functions.values()];
}
