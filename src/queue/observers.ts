import type { TaskId } from '../core/ids.js';
import type { ClaimedTask, Settlement, TaskSpec } from './store.js';

/** Told of what happens to all tasks; changes none of it. */
export interface QueueObserver {
  submitted?(tasks: readonly TaskSpec[]): void;
  /** It was given to a worker. */
  began?(task: ClaimedTask): void;
  /** It is back in line. */
  released?(id: TaskId): void;
  settled?(settlements: readonly Settlement[]): void;
}

export class Observers {
  readonly #all = new Set<QueueObserver>();

  add(observer: QueueObserver): () => void {
    this.#all.add(observer);
    return () => this.#all.delete(observer);
  }

  submitted(tasks: readonly TaskSpec[]): void {
    if (tasks.length > 0) for (const observer of this.#all) observer.submitted?.(tasks);
  }

  began(task: ClaimedTask): void {
    for (const observer of this.#all) observer.began?.(task);
  }

  released(id: TaskId): void {
    for (const observer of this.#all) observer.released?.(id);
  }

  settled(settlements: readonly Settlement[]): void {
    for (const observer of this.#all) observer.settled?.(settlements);
  }
}
