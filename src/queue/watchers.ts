import type { PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { TaskState } from '../core/queue/task.js';
import { noSuchTask, outcomeDropped } from './refusals.js';
import type { TaskOutcome, TaskStore } from './store.js';
import type { LogLine, TaskNews } from './task-log.js';

/** Somebody who follows tasks. */
export interface Watcher {
  onState(id: TaskId, state: TaskState): void;
  onNews(id: TaskId, news: TaskNews): void;
  /** @param log what its last attempt has printed, for one that wants news of it. */
  onOutcome(id: TaskId, outcome: TaskOutcome, log: readonly LogLine[]): void;
  wantsNews(id: TaskId): boolean;
}

/** Who follows which task. */
export class Watchers {
  readonly #byTask = new Map<TaskId, Watcher[]>();
  readonly #store: TaskStore;
  readonly #isOpen: (id: TaskId) => boolean;

  /** @param isOpen whether a task is known to have no outcome. */
  constructor(store: TaskStore, isOpen: (id: TaskId) => boolean) {
    this.#store = store;
    this.#isOpen = isOpen;
  }

  /**
   * Follows tasks: each until it has its outcome, which may be at once.
   *
   * @param onRefused told of those that have no outcome to come: PoolError `not-found`, `result-dropped`
   */
  async follow(
    ids: readonly TaskId[],
    watcher: Watcher,
    onRefused: (id: TaskId, reason: PoolError) => void,
  ): Promise<void> {
    for (const id of ids) this.#add(id, watcher);
    const others = ids.filter((id) => !this.#isOpen(id));
    if (others.length === 0) return;
    const outcomes = await this.#store.outcomes(others);
    const missing = others.filter((_, index) => outcomes[index] === undefined);
    const records = missing.length > 0 ? await this.#store.find(missing) : [];
    const logs = new Map<TaskId, readonly LogLine[]>();
    for (const id of others) if (watcher.wantsNews(id)) logs.set(id, await this.#store.logs(id));
    others.forEach((id, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined && records[missing.indexOf(id)]) return; // Somebody else runs it, or it has just begun anew.
      this.remove(id, watcher);
      if (outcome === undefined) onRefused(id, noSuchTask(id));
      else if (outcome === 'dropped') onRefused(id, outcomeDropped(id));
      else watcher.onOutcome(id, outcome, logs.get(id) ?? []);
    });
  }

  #add(id: TaskId, watcher: Watcher): void {
    const watchers = this.#byTask.get(id);
    if (!watchers) this.#byTask.set(id, [watcher]);
    else if (!watchers.includes(watcher)) watchers.push(watcher);
  }

  remove(id: TaskId, watcher: Watcher): void {
    const watchers = this.#byTask.get(id)?.filter((one) => one !== watcher);
    if (watchers?.length === 0) this.#byTask.delete(id);
    else if (watchers) this.#byTask.set(id, watchers);
  }

  has(id: TaskId): boolean {
    return this.#byTask.has(id);
  }

  /** Whether somebody wants to hear what it tells. */
  wantsNews(id: TaskId): boolean {
    return [...(this.#byTask.get(id) ?? [])].some((watcher) => watcher.wantsNews(id));
  }

  /** Some of those that are followed: another time, others of them. */
  next(most: number): TaskId[] {
    const ids: TaskId[] = [];
    for (const id of this.#byTask.keys()) {
      if (ids.length >= most) break;
      ids.push(id);
    }
    for (const id of ids) {
      const watchers = this.#byTask.get(id);
      this.#byTask.delete(id);
      if (watchers) this.#byTask.set(id, watchers);
    }
    return ids;
  }

  state(id: TaskId, state: TaskState): void {
    for (const watcher of this.#byTask.get(id) ?? []) watcher.onState(id, state);
  }

  news(id: TaskId, news: TaskNews): void {
    for (const watcher of this.#byTask.get(id) ?? []) watcher.onNews(id, news);
  }

  /** The last word about a task. */
  outcome(id: TaskId, outcome: TaskOutcome, log: readonly LogLine[] = []): void {
    const watchers = this.#byTask.get(id);
    if (!watchers) return;
    this.#byTask.delete(id);
    for (const watcher of watchers) watcher.onOutcome(id, outcome, log);
  }
}
