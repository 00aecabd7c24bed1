import type { TaskId } from '../core/ids.js';
import { sharedAppetite } from '../core/pace.js';
import { isSpent } from '../core/retry.js';
import type { QueueEvent, SubmittedTask } from '../core/queue/events.js';
import type { Queue } from '../core/queue/queue.js';
import { isSettled, type SettledState } from '../core/queue/task.js';
import type { Dispatcher } from './dispatcher.js';
import type { Executors } from './executors.js';
import { tagsOf } from './executors.js';
import { afterThese, factsOf } from './facts.js';
import type { ClaimedStanding, TaskWords } from './course.js';
import { Lookups } from './lookups.js';
import type { OutcomeWriter } from './outcome-writer.js';
import { type ArrivedTask, isShared, type SharedListener, type SharedTaskStore } from './shared-store.js';
import type { TaskStore, UnsettledTask } from './store.js';
import type { TaskNews } from './task-log.js';
import { outcomeFor } from './verdicts.js';
import type { Watcher, Watchers } from './watchers.js';

/** When a store that failed is asked again, in ms. */
const RETRY_MS = 1_000;

/** For so long a function counts as one that comes, in ms. */
const RECENT_MS = 1_000;

/** The workers there are for the tasks of a shared store. */
export interface Capacity {
  slotsFor(requires: readonly string[]): number;
  /** Told when that has changed. */
  listen(listener: () => void): void;
}

/** What a queue has that shares its store. */
export interface SharingParts {
  store: SharedTaskStore;
  queue: Queue;
  watchers: Watchers;
  outcomes: OutcomeWriter;
  handle: (event: QueueEvent) => void;
  cancel: (ids: readonly TaskId[]) => Promise<void>;
  storeFailed: (error: unknown) => void;
}

/** The part of a queue that others have a share in: what comes from them and what they have to know. */
export class Sharing implements SharedListener {
  readonly #parts: SharingParts;
  readonly #lookups: Lookups;
  readonly #needs = new Set<string>();
  /** By what they ask for, the functions of the tasks that came just now, and when: the slowest says how many are worth having here. */
  readonly #functions = new Map<string, Map<string, number>>();
  #dispatcher: Dispatcher | undefined;
  #executors: Executors | undefined;
  #capacity: Capacity | undefined;
  #isDue = false;
  #isStopped = false;

  /** Undefined for a store that nobody else has a share in. */
  static of(store: TaskStore, parts: Omit<SharingParts, 'store'>): Sharing | undefined {
    return isShared(store) ? new Sharing({ ...parts, store }) : undefined;
  }

  private constructor(parts: SharingParts) {
    this.#parts = parts;
    this.#lookups = new Lookups(parts, (tasks) => this.settled(tasks));
    parts.store.listen(this);
  }

  /** Begins to take tasks. */
  start(dispatcher: Dispatcher, executors: Executors, capacity: Capacity): void {
    this.#dispatcher = dispatcher;
    this.#executors = executors;
    this.#capacity = capacity;
    capacity.listen(() => this.#wantSoon());
    this.#wantSoon();
  }

  /** Takes no more. */
  stop(): void {
    this.#isStopped = true;
    this.#lookups.stop();
    for (const needs of this.#needs) this.#parts.store.want(needs, 0);
  }

  /** What tasks come after that another coordinator decides about is followed from now on. */
  async prepare(tasks: readonly SubmittedTask[]): Promise<SubmittedTask[]> {
    const here = new Set(tasks.map(({ facts }) => facts.id));
    const isElsewhere = (id: TaskId) => !here.has(id) && !this.#parts.queue.has(id);
    const ids = [...new Set(tasks.flatMap(({ facts }) => facts.after))].filter(isElsewhere);
    for (const { facts, isOffered } of tasks) if (isOffered) this.#lookups.add(facts.id);
    if (ids.length === 0) return [...tasks];
    const records = await this.#parts.store.find(ids);
    const guests: SubmittedTask[] = [];
    const over = new Map<TaskId, SettledState>();
    records.forEach((record, index) => {
      const id = ids[index] as TaskId;
      if (!record || isSettled(record.state)) over.set(id, (record?.state ?? 'failed') as SettledState);
      else {
        guests.push({
          facts: factsOf({ ...record.spec, group: undefined }, []),
          isOffered: true,
          isGuest: true,
        });
        this.#lookups.add(id);
      }
    });
    const others = tasks.map((task): SubmittedTask => {
      if (!task.facts.after.some((id) => over.has(id))) return task;
      const after = task.facts.after.filter((id) => !over.has(id));
      const upstream =
        task.upstream ?? task.facts.after.find((id) => over.get(id) !== 'succeeded' && over.has(id));
      return { ...task, facts: afterThese(task.facts, after), upstream };
    });
    return [...guests, ...others];
  }

  offer(ids: readonly TaskId[]): void {
    this.#parts.store.offer(ids).then(
      () => ids.forEach((id) => this.#lookups.add(id)),
      (error: unknown) => {
        this.#parts.storeFailed(error);
        if (!this.#isStopped) setTimeout(() => this.offer(ids), RETRY_MS).unref();
      },
    );
  }

  /** Cancels tasks that this queue does not have, wherever they are. */
  async cancel(ids: readonly TaskId[]): Promise<void> {
    const { store, outcomes } = this.#parts;
    const others = ids.filter((id) => !this.#dispatcher?.has(id));
    const records = await store.find(others);
    const at = Date.now();
    const waiting = records.flatMap((record) => {
      if (record?.state !== 'pending') return [];
      const { id } = record.spec;
      return [{ id, attempt: record.attempt, outcome: outcomeFor({ kind: 'cancelled' }, id), at }];
    });
    if (waiting.length > 0) await outcomes.write(...waiting);
    const open = records.flatMap((record) => (record && !isSettled(record.state) ? [record.spec.id] : []));
    if (open.length > 0) await store.cancelElsewhere(open);
  }

  /** How a task stands that runs at another coordinator. */
  standingElsewhere(task: TaskWords): Promise<ClaimedStanding | undefined> {
    return this.#parts.store.standingElsewhere(task);
  }

  /** Somebody here follows tasks from now on. */
  watched(ids: readonly TaskId[], watcher: Watcher): void {
    for (const id of ids)
      if (watcher.wantsNews(id) && !this.#dispatcher?.has(id)) this.#parts.store.follow(id);
  }

  /** A task was given to a worker here. */
  began(id: TaskId): void {
    this.#parts.store.tellBegun([id]);
  }

  /** A task that runs here has told something. */
  tell(id: TaskId, news: TaskNews): void {
    this.#parts.store.tellNews(id, news);
  }

  needed(needs: string): void {
    this.#needs.add(needs);
    this.#wantSoon();
  }

  arrived(tasks: readonly ArrivedTask[]): void {
    const taken = tasks.map((task) => {
      const facts = factsOf({ ...task.spec, group: undefined }, []);
      return { task, facts, offeredAt: task.offeredAt, isSpent: isSpent(task.losses, task.spec) };
    });
    this.#dispatcher?.take(taken.flatMap(({ task, isSpent: isOver }) => (isOver ? [] : [task])));
    this.#parts.handle({ type: 'arrived', tasks: taken });
    const now = performance.now();
    for (const { facts } of taken) {
      const functions = this.#functions.get(facts.needs) ?? new Map<string, number>();
      this.#functions.set(facts.needs, functions.set(facts.functionId, now));
    }
    this.#wantSoon();
  }

  adopted(tasks: readonly UnsettledTask[]): void {
    const held = tasks.map(({ spec, unsettled, upstream }) => ({
      facts: factsOf(spec, unsettled),
      upstream,
    }));
    this.prepare(held).then(
      (ready) => this.#parts.handle({ type: 'submitted', tasks: ready }),
      (error: unknown) => {
        this.#parts.storeFailed(error);
        if (!this.#isStopped) setTimeout(() => this.adopted(tasks), RETRY_MS).unref();
      },
    );
  }

  settled(tasks: readonly { id: TaskId; state: SettledState }[]): void {
    const { queue, watchers, handle } = this.#parts;
    for (const { id, state } of tasks) {
      this.#lookups.remove(id);
      if (queue.has(id) && !this.#dispatcher?.has(id)) handle({ type: 'settled', id, state });
    }
    const watched = tasks.flatMap(({ id }) => (watchers.has(id) ? [id] : []));
    if (watched.length > 0) void this.#tellOutcomes(watched);
  }

  begun(ids: readonly TaskId[]): void {
    for (const id of ids) {
      if (!this.#parts.watchers.has(id)) continue;
      this.#parts.watchers.state(id, 'running');
      if (this.#parts.watchers.wantsNews(id)) this.#parts.store.follow(id);
    }
  }

  overtaken(ids: readonly TaskId[]): void {
    // What comes of them is refused.
    for (const id of ids) this.#dispatcher?.stop(id, { kind: 'cancelled' });
  }

  cancelAsked(ids: readonly TaskId[]): void {
    this.#parts.cancel(ids.filter((id) => this.#dispatcher?.has(id))).catch(this.#parts.storeFailed);
  }

  usedAsked(ids: readonly TaskId[]): TaskId[] {
    return ids.filter((id) => this.#parts.queue.isUsed(id));
  }

  /** Of these tasks, those whose results no task needs any more, at no coordinator. */
  async unused(ids: readonly TaskId[]): Promise<TaskId[]> {
    const elsewhere = await this.#parts.store.usedElsewhere(ids);
    return elsewhere ? ids.filter((id) => !elsewhere.has(id) && !this.#parts.queue.isUsed(id)) : [];
  }

  followAsked(id: TaskId): readonly TaskNews[] {
    const { lines = [], progress } = this.#dispatcher?.logOf(id) ?? {};
    return [...lines.map((line) => ({ line })), ...(progress ? [{ progress }] : [])];
  }

  standingAsked(task: TaskWords): ClaimedStanding | undefined {
    return this.#dispatcher?.standingOf(task, this.#parts.queue.lineMs(task.id));
  }

  told(id: TaskId, news: TaskNews): void {
    this.#parts.watchers.news(id, news);
  }

  async #tellOutcomes(ids: readonly TaskId[]): Promise<void> {
    const { store, watchers, storeFailed } = this.#parts;
    try {
      const outcomes = await store.outcomes(ids);
      for (const [index, id] of ids.entries()) {
        const outcome = outcomes[index];
        if (!outcome || outcome === 'dropped') continue;
        watchers.outcome(id, outcome, watchers.wantsNews(id) ? await store.logs(id) : []);
      }
    } catch (error) {
      storeFailed(error); // They are looked up again.
    }
  }

  /** How many tasks may be here: what one turn changes is told together. */
  #wantSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (this.#isStopped) return;
      for (const needs of this.#needs) this.#parts.store.want(needs, this.#appetiteFor(needs));
    });
  }

  #appetiteFor(needs: string): number {
    const slots = this.#capacity?.slotsFor(tagsOf(needs)) ?? 0;
    if (slots === 0 || !this.#executors) return 0;
    const executor = this.#executors.of(needs);
    const functions = this.#functions.get(needs) ?? new Map<string, number>();
    const since = performance.now() - RECENT_MS;
    const appetites: number[] = [];
    for (const [functionId, at] of functions) {
      if (at < since && functions.size > 1) functions.delete(functionId);
      else appetites.push(sharedAppetite(slots, executor.pace.of(functionId)));
    }
    return appetites.length > 0 ? Math.min(...appetites) : slots;
  }
}
