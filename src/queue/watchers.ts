import type { TaskId } from '../core/ids.js';
import type { TaskState } from '../core/queue/task.js';
import type { TaskOutcome } from './store.js';
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
  readonly #byTask = new Map<TaskId, Set<Watcher>>();

  add(id: TaskId, watcher: Watcher): void {
    const watchers = this.#byTask.get(id);
    if (watchers) watchers.add(watcher);
    else this.#byTask.set(id, new Set([watcher]));
  }

  remove(id: TaskId, watcher: Watcher): void {
    const watchers = this.#byTask.get(id);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#byTask.delete(id);
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
