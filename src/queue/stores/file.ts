import { Worker } from 'node:worker_threads';
import { PoolError } from '../../core/errors.js';
import type { TaskId } from '../../core/ids.js';
import { withResolvers } from '../../core/with-resolvers.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import type {
  AddedTask,
  AttemptKey,
  Claim,
  ClaimedTask,
  ListQuery,
  RetentionRule,
  SettledQuery,
  Settlement,
  TaskOutcome,
  TaskPage,
  TaskRecord,
  TaskSpec,
  TaskStore,
  UnsettledTask,
} from '../store.js';
import { specOf } from '../spec.js';
import type { LogLine } from '../task-log.js';
import { specFrom } from './sqlite-rows.js';
import type { WrittenTask } from './sqlite-tasks.js';
import type { StoreAnswer, StoreCall, StoreFailure } from './store-calls.js';

/** Tasks of one portion at the start. */
const PORTION = 5_000;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (reason: PoolError) => void;
}

/** Tasks on disk, in an embedded engine that runs in a thread of its own: to wait for a disk is not the coordinator's. */
export class FileTaskStore implements TaskStore {
  readonly isDurable = true;
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls: StoreCall[] = [];
  #count = 0;
  #end: PoolError | undefined;
  readonly #closed = withResolvers<void>();

  private constructor(thread: Worker, folder: string) {
    this.#thread = thread;
    thread.on('message', (message: StoreAnswer[] | 'closed') => {
      // What it had was written; the thread ends now, and with it its hold on the files.
      if (message !== 'closed') for (const answer of message) this.#onAnswer(answer);
    });
    thread.on('error', (error) => this.#onEnd(`the store ${folder} has failed: ${error.message}`));
    thread.on('exit', () => this.#onEnd(`the store ${folder} is closed`));
  }

  /**
   * @param threadFile of the engine's thread.
   * @throws PoolError `unavailable` when another coordinator has the folder, or it is damaged; `version-mismatch`;
   * `invalid-argument` when the engine is not installed
   */
  static async open(folder: string, threadFile: URL): Promise<FileTaskStore> {
    const thread = new Worker(threadFile, { workerData: { folder } });
    const first = await new Promise<'open' | StoreFailure>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
    });
    if (first !== 'open') throw new PoolError(first.code, first.message);
    return new FileTaskStore(thread, folder);
  }

  add(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): Promise<AddedTask[]> {
    return this.#call('add', [
      tasks.map((task) => {
        const { id, args, preview } = task;
        const own = { encoding: args.encoding, data: ownBytes(args.data) };
        return specOf(task, { id, args: own, preview });
      }),
      functions,
    ]);
  }

  async *unsettled(): AsyncIterable<UnsettledTask[]> {
    const after = (order: number) =>
      this.#call<{ tasks: WrittenTask[]; last: number }>('unsettled', [order, PORTION]);
    for (let next = after(0); ;) {
      const { tasks, last } = await next;
      if (tasks.length === 0) return;
      next = after(last); // The thread reads on while these are taken up.
      next.catch(() => undefined); // Told when it is awaited, if it is.
      yield tasks.map(({ spec, attempt, wasClaimed, unsettled, upstream }) => {
        return { spec: specFrom(spec), attempt, wasClaimed, unsettled, upstream };
      });
    }
  }

  claim(ids: readonly TaskId[], by: Claim, now: number): Promise<(ClaimedTask | undefined)[]> {
    return this.#call('claim', [ids, by, now]);
  }

  renew(attempts: readonly AttemptKey[], by: Claim): Promise<void> {
    return this.#call('renew', [attempts, by]);
  }

  release(attempts: readonly AttemptKey[]): Promise<void> {
    return this.#call('release', [attempts]);
  }

  settle(settlements: readonly Settlement[]): Promise<boolean[]> {
    return this.#call('settle', [
      settlements.map((settlement) => ({ ...settlement, outcome: withOwnBytes(settlement.outcome) })),
    ]);
  }

  find(ids: readonly TaskId[]): Promise<(TaskRecord | undefined)[]> {
    return this.#call('find', [ids]);
  }

  outcomes(ids: readonly TaskId[]): Promise<(TaskOutcome | 'dropped' | undefined)[]> {
    return this.#call('outcomes', [ids]);
  }

  logs(id: TaskId): Promise<readonly LogLine[]> {
    return this.#call('logs', [id]);
  }

  source(id: TaskId): Promise<string> {
    return this.#call('source', [id]);
  }

  list(query: ListQuery): Promise<TaskPage> {
    return this.#call('list', [query]);
  }

  settled(query: SettledQuery): Promise<TaskPage> {
    return this.#call('settled', [query]);
  }

  retry(ids: readonly TaskId[]): Promise<(UnsettledTask | undefined)[]> {
    return this.#call('retry', [ids]);
  }

  expendable(rule: RetentionRule): Promise<TaskId[]> {
    return this.#call('expendable', [rule]);
  }

  drop(ids: readonly TaskId[]): Promise<void> {
    return this.#call('drop', [ids]);
  }

  async close(): Promise<void> {
    if (this.#end) return;
    this.#post();
    this.#thread.postMessage('close');
    await this.#closed.promise;
  }

  #call<T>(method: StoreCall['method'], args: unknown[]): Promise<T> {
    if (this.#end) return Promise.reject(this.#end);
    const { promise, resolve, reject } = withResolvers<unknown>();
    const number = ++this.#count;
    this.#waiting.set(number, { resolve, reject });
    // What one turn asks for goes together, and is one change on disk.
    if (this.#calls.length === 0) queueMicrotask(() => this.#post());
    this.#calls.push({ number, method, args });
    return promise as Promise<T>;
  }

  #post(): void {
    const calls = this.#calls;
    this.#calls = [];
    if (calls.length > 0) this.#thread.postMessage(calls);
  }

  #onAnswer(answer: StoreAnswer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if ('failure' in answer) waiting?.reject(new PoolError(answer.failure.code, answer.failure.message));
    else waiting?.resolve(answer.value);
  }

  #onEnd(message: string): void {
    this.#end ??= new PoolError('unavailable', message);
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
    this.#closed.resolve();
  }
}

function withOwnBytes(outcome: TaskOutcome): TaskOutcome {
  if (outcome.state === 'succeeded')
    return { ...outcome, result: { ...outcome.result, data: ownBytes(outcome.result.data) } };
  const { error } = outcome.failure;
  if (!error) return outcome;
  return { ...outcome, failure: { ...outcome.failure, error: { ...error, data: ownBytes(error.data) } } };
}

/** A view takes the whole buffer behind it along to another thread. */
function ownBytes(data: Uint8Array): Uint8Array {
  return data.byteLength === data.buffer.byteLength ? data : new Uint8Array(data);
}
