import type { DirectTask } from './direct-task.js';

/** Where tasks rest between two attempts, until the next one is due. */
export class RetryLine {
  /** Each with the timer that says when it is due. */
  readonly #resting = new Map<DirectTask, NodeJS.Timeout>();

  rest(task: DirectTask, delayMs: number, whenDue: () => void): void {
    const timer = setTimeout(() => {
      this.#resting.delete(task);
      whenDue();
    }, delayMs);
    this.#resting.set(task, timer);
  }

  remove(task: DirectTask): void {
    clearTimeout(this.#resting.get(task));
    this.#resting.delete(task);
  }

  /** Nothing becomes due any more. */
  stop(): void {
    for (const timer of this.#resting.values()) clearTimeout(timer);
  }
}
