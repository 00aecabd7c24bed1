import { randomUUID } from 'node:crypto';
import { PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { QueueCommand, QueueEvent, SubmittedTask } from '../core/queue/events.js';
import { Queue } from '../core/queue/queue.js';
import { isSettled, type Verdict } from '../core/queue/task.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import { Alarm } from './alarm.js';
import { asItStands } from './as-it-stands.js';
import { Dispatcher } from './dispatcher.js';
import { Gate } from './gate.js';
import { Executors, type MakeExecutor } from './executors.js';
import { explain, type Explanation } from './explanation.js';
import { addedAsSubmitted, submittedFrom } from './facts.js';
import { JsonResults } from './json-results.js';
import { Observers, type QueueObserver } from './observers.js';
import { OutcomeWriter } from './outcome-writer.js';
import { Pump } from './pump.js';
import type { TaskQueueLog } from './queue-log.js';
import { checkRetry, noSuchTask, outcomeDropped } from './refusals.js';
import { type Capacity, Sharing } from './sharing.js';
import type { TaskWords } from './course.js';
import { isShared } from './shared-store.js';
import { checkRoom, keepWithin, type QueueLimits } from './retention.js';
import type {
  AddedTask,
  ListQuery,
  SettledQuery,
  Settlement,
  TaskOutcome,
  TaskPage,
  TaskRecord,
  TaskSpec,
  TaskStore,
} from './store.js';
import type { LogLine, TaskLog } from './task-log.js';
import { settlementsOf } from './unrun.js';
import { type Watcher, Watchers } from './watchers.js';
import type { Payload } from '../wire/values/payload.js';

/** When a task whose outcome was refused is looked at again, in ms. */
const REFUSED_MS = 1_000;

/** When a store that failed is asked again, in ms. */
const STORE_RETRY_MS = 1_000;

/** Tasks that outlive the call: takes them on, has them run when it is their turn, and keeps what came of them. */
export class TaskQueue {
  readonly #store: TaskStore;
  readonly #maxQueued: number;
  readonly #log: TaskQueueLog;
  readonly #gate: Gate;
  readonly #queue: Queue;
  readonly #pump: Pump;
  /** Where other coordinators have a share in the store. */
  readonly #sharing: Sharing | undefined;
  readonly #watchers: Watchers;
  readonly #observers = new Observers();
  readonly #outcomes: OutcomeWriter;
  #dispatcher: Dispatcher | undefined;
  #jsonResults: JsonResults | undefined;
  readonly #stopRetention: () => void;
  readonly #alarm = new Alarm(() => this.#handle({ type: 'time-passed' }));
  #isStopping = false;
  #storeFailedAt = Number.NEGATIVE_INFINITY;

  private constructor(store: TaskStore, limits: QueueLimits, log: TaskQueueLog, gate: Gate) {
    this.#gate = gate;
    this.#store = store;
    this.#maxQueued = limits.maxQueued;
    this.#log = log;
    this.#queue = new Queue(isShared(store));
    this.#pump = new Pump(this.#queue, (commands) => void this.#perform(commands));
    this.#watchers = new Watchers(store, (id) => this.#queue.has(id));
    this.#outcomes = new OutcomeWriter(store, {
      settled: (settlements) => this.#settled(settlements),
      refused: (settlements) => {
        for (const { id } of settlements) void this.#released(id, REFUSED_MS);
      },
      storeFailed: (error) => this.#storeFailed(error),
    });
    this.#sharing = Sharing.of(store, {
      queue: this.#queue,
      watchers: this.#watchers,
      outcomes: this.#outcomes,
      handle: (event) => this.#handle(event),
      cancel: (ids) => this.cancel(ids),
      storeFailed: (error) => this.#storeFailed(error),
    });
    this.#stopRetention = keepWithin(
      limits,
      store,
      async (ids) => this.#sharing?.unused(ids) ?? ids.filter((id) => !this.#queue.isUsed(id)),
      (error) => this.#storeFailed(error),
    );
  }

  /** Takes up what the store holds. @throws PoolError when it cannot be read */
  static async open(
    store: TaskStore,
    limits: QueueLimits,
    log: TaskQueueLog,
    gate = new Gate(),
  ): Promise<TaskQueue> {
    const queue = new TaskQueue(store, limits, log, gate);
    // What a shared one holds comes by and by: there may be a million, and others go on meanwhile.
    if (queue.#sharing) return queue;
    for await (const tasks of store.unsettled()) {
      await queue.#takeUp(tasks.map(submittedFrom));
    }
    if (queue.#queue.size > 0) log.info({ tasks: queue.#queue.size }, 'tasks taken up from the store');
    return queue;
  }

  /**
   * Begins to run tasks. Until then they are taken on and wait.
   *
   * @param capacity of this pool, which decides how much it takes of a store that others share.
   */
  start(makeExecutor: MakeExecutor, capacity?: Capacity): void {
    const executors = new Executors(makeExecutor, () => this.#pump.soon());
    this.#jsonResults = new JsonResults(executors.plain);
    this.#dispatcher = new Dispatcher(this.#store, executors, randomUUID(), {
      began: (task) => {
        this.#queue.handle({ type: 'began', id: task.spec.id }, Date.now());
        this.#alarm.set(this.#queue.nextAt);
        this.#watchers.state(task.spec.id, 'running');
        this.#observers.began(task);
        this.#sharing?.began(task.spec.id);
      },
      told: (id, news) => {
        this.#watchers.news(id, news);
        this.#sharing?.tell(id, news);
      },
      ended: (settlement) => {
        if (settlement.course) settlement.course.lineMs = this.#queue.lineMs(settlement.id);
        void this.#outcomes.write(settlement);
      },
      released: (id, delayMs) => void this.#released(id, delayMs),
      storeFailed: (error) => this.#storeFailed(error),
    });
    if (capacity) this.#sharing?.start(this.#dispatcher, executors, capacity);
    this.#pump.start(executors);
  }

  /**
   * Takes tasks on. Resolves when they are kept.
   *
   * @throws PoolError `unavailable` when the pool stops, `not-allowed`, and what {@link TaskStore.add} refuses
   */
  async submit(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): Promise<AddedTask[]> {
    if (this.#isStopping) throw new PoolError('unavailable', 'the pool is stopping');
    this.#gate.check(tasks, functions);
    checkRoom(this.#queue.size + tasks.length, this.#maxQueued);
    const added = await this.#store.add(tasks, functions);
    await this.#takeUp(addedAsSubmitted(tasks, added));
    this.#observers.submitted(tasks.filter((_, index) => added[index]?.isNew));
    return added;
  }

  async find(ids: readonly TaskId[]): Promise<(TaskRecord | undefined)[]> {
    const records = await this.#store.find(ids);
    return records.map((record) => record && this.#asItStands(record));
  }

  /** @throws PoolError `not-found` */
  explain(id: TaskId): Promise<Explanation> {
    const elsewhere = async (task: TaskWords) => this.#sharing?.standingElsewhere(task);
    const [find, source] = [(ids: readonly TaskId[]) => this.find(ids), this.#store.source(id)];
    return explain(id, find, source, this.#queue, this.#dispatcher, elsewhere);
  }

  /** What a task that runs has told so far. */
  toldBy(id: TaskId): TaskLog | undefined {
    return this.#dispatcher?.logOf(id);
  }

  /** @throws PoolError `not-found`, `result-dropped` */
  async logs(id: TaskId): Promise<readonly LogLine[]> {
    const here = this.toldBy(id);
    if (here) return here.lines;
    const elsewhere = await this.#sharing?.standingElsewhere({ id, requires: [] });
    if (elsewhere) return elsewhere.lines;
    const [record] = await this.#store.find([id]);
    if (!record) throw noSuchTask(id);
    if (record.isDropped) throw outcomeDropped(id);
    return this.#store.logs(id);
  }

  async list(query: ListQuery): Promise<TaskPage> {
    const states = new Set(query.states);
    // To the store what was claimed ahead is running.
    if (states.has('pending') || states.has('running')) states.add('pending').add('running');
    const page = await this.#store.list({ ...query, states: [...states] });
    const tasks = page.tasks.map((record) => this.#asItStands(record));
    return { ...page, tasks: tasks.filter(({ state }) => states.size === 0 || query.states.includes(state)) };
  }

  /** Those that have outcomes, in the order in which they came. */
  async settled(query: SettledQuery): Promise<TaskPage> {
    const page = await this.#store.settled(query);
    return { ...page, tasks: page.tasks.map((record) => this.#asItStands(record)) };
  }

  /** What tasks came to; undefined for those that came to nothing yet, or are not there. */
  outcomes(ids: readonly TaskId[]): Promise<(TaskOutcome | 'dropped' | undefined)[]> {
    return this.#store.outcomes(ids);
  }

  /** A task's result as JSON. @throws PoolError `not-cloneable`, `unavailable` */
  async resultAsJson({ spec, attempt }: TaskRecord, result: Payload): Promise<Payload> {
    if (!this.#jsonResults) throw new PoolError('unavailable', 'the pool is starting');
    return this.#jsonResults.of(`${spec.id} ${attempt}`, result);
  }

  /** How many tasks have no outcome. */
  get size(): number {
    return this.#queue.size;
  }

  /** How many tasks wait for a worker, and the first of them. */
  waiting(limit: number): ReturnType<Queue['waiting']> {
    return this.#queue.waiting(limit);
  }

  /** @returns stops observing. */
  observe(observer: QueueObserver): () => void {
    return this.#observers.add(observer);
  }

  /** Cancels what has no outcome. Resolves when tasks that wait have theirs; those that run are being stopped. */
  async cancel(ids: readonly TaskId[]): Promise<void> {
    const commands = ids.flatMap((id) => this.#queue.handle({ type: 'cancel', id }, Date.now()));
    await this.#perform(commands);
    this.#afterChange();
    await this.#sharing?.cancel(ids);
  }

  /** Lets tasks run again. @throws PoolError `not-found`, `not-allowed`, `invalid-argument` for one that has not failed */
  async retry(ids: readonly TaskId[]): Promise<void> {
    const records = await this.#store.find(ids);
    records.forEach((record, index) => checkRetry(ids[index] as TaskId, record));
    this.#gate.checkAgain(records.flatMap((record) => (record ? [record.spec] : [])));
    const again = await this.#store.retry(ids);
    await this.#takeUp(again.flatMap((task) => (task ? [submittedFrom(task)] : [])));
  }

  /**
   * Follows tasks: each until it has its outcome, which may be at once.
   *
   * @param onRefused told of those that have no outcome to come: PoolError `not-found`, `result-dropped`
   */
  async watch(
    ids: readonly TaskId[],
    watcher: Watcher,
    onRefused: (id: TaskId, reason: PoolError) => void,
  ): Promise<void> {
    await this.#watchers.follow(ids, watcher, onRefused);
    this.#sharing?.watched(ids, watcher);
  }

  unwatch(ids: Iterable<TaskId>, watcher: Watcher): void {
    for (const id of ids) this.#watchers.remove(id, watcher);
  }

  /** Begins nothing more; what runs goes on. */
  stop(): void {
    this.#isStopping = true;
    this.#sharing?.stop();
    this.#pump.stop();
    this.#alarm.stop();
  }

  /** Ends what still runs. @returns how many tasks are gone with this store, without an outcome */
  async close(): Promise<number> {
    this.stop();
    this.#stopRetention();
    await this.#dispatcher?.close();
    await this.#outcomes.close();
    await this.#store.close();
    return this.#store.isDurable ? 0 : this.#queue.size;
  }

  #asItStands(record: TaskRecord): TaskRecord {
    return asItStands(record, this.#dispatcher?.madeOf(record.spec.id));
  }

  #handle(event: QueueEvent): void {
    this.#handleAll([event]);
  }

  #handleAll(events: readonly QueueEvent[]): void {
    const now = Date.now();
    const commands = events.flatMap((event) => this.#queue.handle(event, now));
    if (commands.length > 0) void this.#perform(commands);
    this.#afterChange();
  }

  async #takeUp(tasks: readonly SubmittedTask[]): Promise<void> {
    this.#handle({ type: 'submitted', tasks: this.#sharing ? await this.#sharing.prepare(tasks) : tasks });
  }

  #afterChange(): void {
    this.#pump.soon();
    this.#alarm.set(this.#queue.nextAt);
  }

  async #perform(commands: readonly QueueCommand[]): Promise<void> {
    const claims: TaskId[] = [];
    const offers: TaskId[] = [];
    const settles: { id: TaskId; how: Verdict }[] = [];
    for (const command of commands) {
      if (command.type === 'claim') claims.push(command.id);
      else if (command.type === 'offer') offers.push(command.id);
      else if (command.type === 'stop') this.#dispatcher?.stop(command.id, command.how);
      else settles.push(command);
    }
    if (claims.length > 0) void this.#dispatcher?.claim(claims);
    if (offers.length > 0) this.#sharing?.offer(offers);
    if (settles.length > 0) await this.#settle(settles);
  }

  /** Gives outcomes to tasks that no worker has. */
  async #settle(settles: readonly { id: TaskId; how: Verdict }[]): Promise<void> {
    try {
      await this.#outcomes.write(
        ...(await settlementsOf(this.#store, settles, (id) => this.#queue.lineMs(id))),
      );
    } catch (error) {
      this.#storeFailed(error);
      setTimeout(() => void this.#settle(settles), STORE_RETRY_MS).unref();
    }
  }

  #settled(settlements: readonly Settlement[]): void {
    this.#handleAll(settlements.map(({ id, outcome: { state } }) => ({ type: 'settled', id, state })));
    for (const { id, outcome, log } of settlements) this.#watchers.outcome(id, outcome, log);
    this.#observers.settled(settlements);
  }

  /** Back in line, unless it was settled by somebody else. */
  async #released(id: TaskId, delayMs: number): Promise<void> {
    if (this.#sharing && this.#dispatcher?.has(id)) return; // It has come here once more.
    let record: TaskRecord | undefined;
    let outcome: TaskOutcome | 'dropped' | undefined;
    try {
      [[record], [outcome]] = await Promise.all([this.#store.find([id]), this.#store.outcomes([id])]);
    } catch (error) {
      this.#storeFailed(error);
      if (!this.#isStopping) setTimeout(() => void this.#released(id, delayMs), STORE_RETRY_MS).unref();
      return;
    }
    if (record && isSettled(record.state)) {
      this.#handle({ type: 'settled', id, state: record.state });
      if (outcome && outcome !== 'dropped') this.#watchers.outcome(id, outcome);
    } else {
      this.#watchers.state(id, 'pending');
      this.#observers.released(id);
      this.#handle({ type: 'released', id, delayMs });
    }
  }

  #storeFailed(error: unknown): void {
    // It is tried again every second: said once a minute is enough.
    if (performance.now() - this.#storeFailedAt < 60_000) return;
    this.#storeFailedAt = performance.now();
    this.#log.error({ err: error }, 'the store of the queue cannot be used; it is tried again');
  }
}
