import type { TaskId } from '../core/ids.js';
import type { TaskState } from '../core/queue/task.js';
import type { TaskOutcome } from './store.js';

/** Somebody who follows tasks. */
export interface Watcher {
  onState(id: TaskId, state: TaskState): void;
  onOutcome(id: TaskId, outcome: TaskOutcome): void;
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

  /** The last word about a task. */
  outcome(id: TaskId, outcome: TaskOutcome): void {
    const watchers = this.#byTask.get(id);
    if (!watchers) return;
    this.#byTask.delete(id);
    for (const watcher of watchers) watcher.onOutcome(id, outcome);
  }
}
