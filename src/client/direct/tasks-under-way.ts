import type { UnderWay } from '../../core/pace.js';
import type { DirectTask } from './direct-task.js';

/** The tasks that were sent under one lease and are not yet through, by their numbers, and what they come to together. */
export class TasksUnderWay implements UnderWay {
  workMs = 0;
  bytes = 0;
  readonly #tasks = new Map<number, DirectTask>();

  get tasks(): number {
    return this.#tasks.size;
  }

  add(task: DirectTask): void {
    this.#tasks.set(task.number, task);
    this.workMs += task.estimateMs;
    this.bytes += task.bytes;
  }

  remove(task: DirectTask): void {
    if (!this.#tasks.delete(task.number)) return;
    this.workMs -= task.estimateMs;
    this.bytes -= task.bytes;
    if (this.tasks === 0) this.workMs = 0; // Sums of fractions drift.
  }

  of(number: number): DirectTask | undefined {
    return this.#tasks.get(number);
  }

  /** Those of these that are still under way, which they then are no more. */
  take(number: number, count: number): DirectTask[] {
    const tasks: DirectTask[] = [];
    if (count > this.#tasks.size) {
      for (const task of this.#tasks.values())
        if (task.number >= number && task.number < number + count) tasks.push(task);
    } else {
      for (let n = number; n < number + count; n++) {
        const task = this.#tasks.get(n);
        if (task) tasks.push(task);
      }
    }
    for (const task of tasks) {
      task.place = undefined;
      this.remove(task);
    }
    return tasks;
  }

  takeAbove(number: number): DirectTask[] {
    return this.take(number + 1, Number.POSITIVE_INFINITY);
  }

  takeAll(): DirectTask[] {
    return this.takeAbove(0);
  }
}
