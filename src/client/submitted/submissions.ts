import type { ServiceError } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { PoolError, thatMayHaveRun } from '../../core/errors.js';
import { withResolvers } from '../../core/with-resolvers.js';
import { isAnswer } from '../../wire/errors.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import type { QueuedFunction } from '../../wire/generated/offhand/v1/QueuedFunction.js';
import { bufferOf } from '../../wire/values/buffer.js';
import type { QueueLink } from './queue-link.js';
import { type NewSubmission, submitMessage } from './submit-message.js';
import { StreamEnded } from './submit-stream.js';

/** No request has more tasks than this, nor more than one portion where their arguments would be larger than so many bytes together. */
const BATCH_TASKS = 200;
const BATCH_BYTES = 1024 * 1024;

/** Requests under way. More would only wait at the other end. */
const MOST_REQUESTS = 4;

/** How long to wait before a coordinator that is gone is asked again, in ms. */
const RETRY_MS = 200;

/** Functions that the queue most likely knows. */
const MAX_KNOWN = 1_000;

/**
 * Functions up to this size go along with every request, in bytes: the queue keeps one for as long as a task needs it, and to be
 * asked for it takes longer.
 */
const SMALL_BYTES = 4 * 1024;

/** What a task takes in a message beside its arguments, in bytes. */
const TASK_BYTES = 200;

/** Tasks that go together. */
export class Portion {
  readonly tasks: NewSubmission[] = [];
  bytes = 0;

  /** Whether it is as much as should go together. */
  get isFull(): boolean {
    return this.tasks.length >= BATCH_TASKS || this.bytes >= BATCH_BYTES;
  }

  add(task: NewSubmission): void {
    this.tasks.push(task);
    this.bytes += task.args.data.length + TASK_BYTES;
  }
}

interface Submission {
  readonly portion: Portion;
  readonly resolve: (taskIds: string[]) => void;
  readonly reject: (reason: unknown) => void;
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
  /** False for a coordinator from before tasks were told together. */
  #packs = true;

  constructor(link: QueueLink, reconnectMs: number) {
    this.#link = link;
    this.#reconnectMs = reconnectMs;
  }

  /** Resolves with the ids of the tasks when they are in the queue. */
  add(portion: Portion): Promise<string[]> {
    const { promise, resolve, reject } = withResolvers<string[]>();
    this.#waiting.push({ portion, resolve, reject });
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
    const tasks = batch.flatMap(({ portion }) => portion.tasks);
    try {
      const others = await this.#request(tasks);
      for (const { fn } of tasks) this.#known.set(fn.id, true);
      for (const { portion, resolve } of batch) resolve(portion.tasks.map(({ id }) => others.get(id) ?? id));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** @returns the ids of tasks that were there before, by the ids that were chosen for them. */
  async #request(batch: readonly NewSubmission[]): Promise<Map<string, string>> {
    const goneAt = performance.now();
    let sendsAll = false;
    for (;;) {
      const functions = functionsOf(batch, (fn) => sendsAll || isSmall(fn) || !this.#known.has(fn.id));
      const { request, single } = submitMessage(batch, this.#packs);
      try {
        const { tasks, alike } = await this.#link.submit({ ...request, functions });
        if (alike === batch.length - single.length)
          return new Map(single.map(({ id }, index) => [id, tasks[index]?.taskId ?? id]));
        this.#packs = false; // It has read the others only, and knows these again by their ids.
      } catch (error) {
        if (!(error instanceof PoolError)) throw error;
        if (error.code === 'code-unknown' && !sendsAll) {
          sendsAll = true;
          continue;
        }
        const isLost =
          error instanceof StreamEnded ||
          (error.cause !== undefined && !isAnswer(error.cause as ServiceError));
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
  let [tasks, bytes] = [0, 0];
  for (let length = 0; length < waiting.length; length++) {
    tasks += waiting[length]?.portion.tasks.length ?? 0;
    bytes += waiting[length]?.portion.bytes ?? 0;
    if (length > 0 && (bytes > BATCH_BYTES || tasks > BATCH_TASKS)) return length;
  }
  return waiting.length;
}

function functionsOf(
  batch: readonly NewSubmission[],
  isWanted: (fn: ShippedFunction) => boolean,
): QueuedFunction[] {
  const functions = new Map<string, QueuedFunction>();
  for (const { fn } of batch) {
    if (functions.has(fn.id) || !isWanted(fn)) continue;
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

function isSmall({ source, parts }: ShippedFunction): boolean {
  return parts.reduce((bytes, { data }) => bytes + data.length, source.length) <= SMALL_BYTES;
}
