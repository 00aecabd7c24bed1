import { LinkedList } from '../core/linked-list.js';
import type { DirectTask } from './direct-task.js';

/** Where tasks are between two attempts: resting until their next one is due, or, as suspects, in line for a worker of their own. */
export class RetryLine {
  /** Each with the timer that says when it is due. */
  readonly #resting = new Map<DirectTask, NodeJS.Timeout>();
  readonly #suspects = new LinkedList<DirectTask>();

  rest(task: DirectTask, delayMs: number, whenDue: () => void): void {
    const timer = setTimeout(() => {
      this.#resting.delete(task);
      whenDue();
    }, delayMs);
    this.#resting.set(task, timer);
  }

  pushSuspect(task: DirectTask): void {
    this.#suspects.push(task);
  }

  shiftSuspect(): DirectTask | undefined {
    return this.#suspects.shift();
  }

  get suspects(): number {
    return this.#suspects.size;
  }

  remove(task: DirectTask): void {
    clearTimeout(this.#resting.get(task));
    this.#resting.delete(task);
    this.#suspects.remove(task);
  }

  /** Nothing becomes due any more. */
  stop(): void {
    for (const timer of this.#resting.values()) clearTimeout(timer);
  }
}
