import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import { messageOf, PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { TaskState } from '../core/queue/task.js';
import type { WatchRequest__Output } from '../wire/generated/offhand/v1/WatchRequest.js';
import type { WatchResponse } from '../wire/generated/offhand/v1/WatchResponse.js';
import type { WatchedTask } from '../wire/generated/offhand/v1/WatchedTask.js';
import { idFrom, outcomeMessage } from './messages.js';
import type { TaskOutcome } from './store.js';
import type { TaskQueue } from './task-queue.js';
import type { Watcher } from './watchers.js';

/** No message takes more than one outcome on board once it would be larger than this, in bytes. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

/** Somebody who follows tasks on a stream. What one turn brings goes in one message. */
export class WatchSession implements Watcher {
  readonly #queue: TaskQueue;
  readonly #stream: ServerDuplexStream<WatchRequest__Output, WatchResponse>;
  /** Those that are followed, and whether their news are wanted. */
  readonly #followed = new Map<TaskId, boolean>();
  #batch: WatchedTask[] = [];
  #bytes = 0;
  #isFlushDue = false;
  #isClosed = false;

  constructor(queue: TaskQueue, stream: ServerDuplexStream<WatchRequest__Output, WatchResponse>) {
    this.#queue = queue;
    this.#stream = stream;
    // Whoever follows tasks that are long in coming knows by this that it was heard.
    stream.sendMetadata(new Metadata());
  }

  onRequest({ follow, leave }: WatchRequest__Output): void {
    const left = leave.map((id) => idFrom(id, 'leave'));
    for (const id of left) this.#followed.delete(id);
    this.#queue.unwatch(left, this);
    const ids = follow.map(({ taskId, news }) => {
      const id = idFrom(taskId, 'follow.task_id');
      this.#followed.set(id, news);
      return id;
    });
    const withNews = ids.filter((id) => this.#followed.get(id));
    if (withNews.length > 0) void this.#tellStates(withNews);
    this.#queue
      .watch(ids, this, (id, reason) => this.#onRefused(id, reason))
      .catch((error: unknown) => {
        const reason = error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
        for (const id of ids) this.#onRefused(id, reason);
      });
  }

  onState(id: TaskId, state: TaskState): void {
    if (this.#followed.get(id)) this.#add({ taskId: id, state }, 0);
  }

  onOutcome(id: TaskId, outcome: TaskOutcome): void {
    this.#followed.delete(id);
    const bytes = outcome.state === 'succeeded' ? outcome.result.data.length : 1_000;
    this.#add({ taskId: id, outcome: outcomeMessage(outcome) }, bytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#queue.unwatch(this.#followed.keys(), this);
  }

  async #tellStates(ids: readonly TaskId[]): Promise<void> {
    const records = await this.#queue.find(ids).catch(() => []);
    records.forEach((record) => {
      if (record && (record.state === 'pending' || record.state === 'running'))
        this.onState(record.spec.id, record.state);
    });
  }

  #onRefused(id: TaskId, { code, message }: PoolError): void {
    this.#followed.delete(id);
    this.#add({ taskId: id, refused: { code, message, mayHaveRun: false } }, 0);
  }

  #add(task: WatchedTask, bytes: number): void {
    if (this.#batch.length > 0 && this.#bytes + bytes > MESSAGE_BYTES) this.#flush();
    this.#batch.push(task);
    this.#bytes += bytes;
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const tasks = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (tasks.length > 0 && !this.#isClosed) this.#stream.write({ tasks });
  }
}
