import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import { messageOf, PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import { type LineMark, NO_LINE, wasTold } from '../core/queue/line-mark.js';
import { isSettled, type TaskState } from '../core/queue/task.js';
import type { WatchRequest__Output } from '../wire/generated/offhand/v1/WatchRequest.js';
import type { WatchResponse } from '../wire/generated/offhand/v1/WatchResponse.js';
import type { WatchedTask } from '../wire/generated/offhand/v1/WatchedTask.js';
import { idFrom, lineMessage, outcomeMessage } from './messages.js';
import type { TaskOutcome } from './store.js';
import { type Succeeded, succeededMessages } from './succeeded.js';
import type { LogLine, TaskNews } from './task-log.js';
import type { TaskQueue } from './task-queue.js';
import type { Watcher } from './watchers.js';

/** No message takes more than one outcome on board once it would be larger than this, in bytes. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

/** Results up to this size stand together, in bytes: larger ones would be copied for nothing. */
const PACKED_BYTES = 64 * 1024;

/** So much may wait on its way to somebody who reads slowly, in bytes; news that come then are not sent. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** How far somebody who wants all news of a task has heard them. */
interface Following {
  /** Whether it was said how the task stands: what it tells comes after that. */
  isTold: boolean;
  /** The line that was told last. */
  line: LineMark;
}

const OUTCOME_ONLY: Following = { isTold: false, line: NO_LINE };

/** Somebody who follows tasks on a stream. What one turn brings goes in one message. */
export class WatchSession implements Watcher {
  readonly #queue: TaskQueue;
  readonly #stream: ServerDuplexStream<WatchRequest__Output, WatchResponse>;
  readonly #followed = new Map<TaskId, Following>();
  #batch: WatchedTask[] = [];
  #succeeded: Succeeded[] = [];
  /** Whether whoever follows takes many outcomes as one. */
  #packs = false;
  #bytes = 0;
  #isFlushDue = false;
  #isClosed = false;

  constructor(queue: TaskQueue, stream: ServerDuplexStream<WatchRequest__Output, WatchResponse>) {
    this.#queue = queue;
    this.#stream = stream;
    // Whoever follows tasks that are long in coming knows by this that it was heard.
    stream.sendMetadata(new Metadata());
  }

  onRequest({ follow, leave, packs }: WatchRequest__Output): void {
    this.#packs ||= packs;
    const left = leave.map((id) => idFrom(id, 'leave'));
    for (const id of left) this.#followed.delete(id);
    this.#queue.unwatch(left, this);
    const withNews: TaskId[] = [];
    const ids = follow.map(({ taskId, news }) => {
      const id = idFrom(taskId, 'follow.task_id');
      // Whoever asks again has somebody more to tell, from the beginning.
      if (news) this.#followed.set(id, { isTold: false, line: NO_LINE });
      else if (!this.#followed.has(id)) this.#followed.set(id, OUTCOME_ONLY);
      if (news) withNews.push(id);
      return id;
    });
    if (withNews.length > 0) void this.#tellStates(withNews);
    this.#queue
      .watch(ids, this, (id, reason) => this.#onRefused(id, reason))
      .catch((error: unknown) => {
        const reason = error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
        for (const id of ids) this.#onRefused(id, reason);
      });
  }

  wantsNews(id: TaskId): boolean {
    return (this.#followed.get(id) ?? OUTCOME_ONLY) !== OUTCOME_ONLY;
  }

  onState(id: TaskId, state: TaskState): void {
    if (this.#followed.get(id)?.isTold) this.#add({ taskId: id, state }, 0);
  }

  onNews(id: TaskId, news: TaskNews): void {
    const following = this.#followed.get(id);
    // What a reader is too slow for comes before the outcome, as far as it is kept until then.
    if (!following?.isTold || this.#stream.writableLength > MAX_WAITING_BYTES) return;
    if ('line' in news) return this.#tellLine(id, following, news.line);
    const { fraction, note } = news.progress;
    this.#add({ taskId: id, progress: note === undefined ? { fraction } : { fraction, note } }, 0);
  }

  onOutcome(id: TaskId, outcome: TaskOutcome, log: readonly LogLine[]): void {
    const following = this.#followed.get(id) ?? OUTCOME_ONLY;
    this.#followed.delete(id);
    const hasSucceeded = outcome.state === 'succeeded';
    const bytes = hasSucceeded ? outcome.result.data.length : 1_000;
    if (hasSucceeded && bytes <= PACKED_BYTES && this.#packs && following === OUTCOME_ONLY) {
      this.#makeRoom(bytes);
      this.#succeeded.push({ id, outcome });
      return;
    }
    if (following !== OUTCOME_ONLY) for (const line of log) this.#tellLine(id, following, line);
    this.#add({ taskId: id, outcome: outcomeMessage(outcome) }, bytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#queue.unwatch(this.#followed.keys(), this);
  }

  async #tellStates(ids: readonly TaskId[]): Promise<void> {
    const records = await this.#queue.find(ids).catch(() => []);
    records.forEach((record, index) => {
      const id = ids[index] as TaskId;
      const following = this.#followed.get(id);
      // It may have its outcome by now, or be followed no longer.
      if (!record || !following || following === OUTCOME_ONLY || isSettled(record.state)) return;
      following.isTold = true;
      this.onState(id, record.state);
      const { lines = [], progress } = this.#queue.toldBy(id) ?? {};
      for (const line of lines) this.onNews(id, { line });
      if (progress) this.onNews(id, { progress });
    });
  }

  #tellLine(id: TaskId, following: Following, line: LogLine): void {
    if (wasTold(line, following.line)) return;
    following.line = line;
    this.#add({ taskId: id, line: lineMessage(line) }, line.text.length);
  }

  #onRefused(id: TaskId, { code, message }: PoolError): void {
    this.#followed.delete(id);
    this.#add({ taskId: id, refused: { code, message, mayHaveRun: false } }, 0);
  }

  #add(task: WatchedTask, bytes: number): void {
    this.#makeRoom(bytes);
    this.#batch.push(task);
  }

  /** In the message that goes at the end of the turn. */
  #makeRoom(bytes: number): void {
    if (this.#bytes > 0 && this.#bytes + bytes > MESSAGE_BYTES) this.#flush();
    this.#bytes += bytes;
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const [tasks, succeeded] = [this.#batch, this.#succeeded];
    this.#batch = [];
    this.#succeeded = [];
    this.#bytes = 0;
    if (tasks.length + succeeded.length === 0 || this.#isClosed) return;
    this.#stream.write({ tasks, succeeded: succeededMessages(succeeded) });
  }
}
