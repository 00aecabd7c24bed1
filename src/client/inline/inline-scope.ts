import { checkProgress, type CurrentTask, KeptValues, TaskScopes } from '../../wire/functions/current.js';
import type { DirectTask } from '../direct/direct-task.js';

/** One for this process, as for a worker's thread. */
const kept = new KeptValues();
const scopes = new TaskScopes<InlineScope>();

/** One attempt at a task that runs in this process, as its own code sees it. */
export class InlineScope implements CurrentTask {
  readonly taskId: string;
  readonly attempt: number;
  readonly workerId = 'inline';
  readonly #task: DirectTask;
  readonly #controller = new AbortController();
  #isOver = false;

  constructor(task: DirectTask) {
    this.taskId = task.id;
    this.attempt = task.attempt;
    this.#task = task;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  progress(fraction: number, note?: string): void {
    checkProgress(fraction, note);
    if (!this.#isOver) this.#task.onProgress(fraction, note);
  }

  once<T>(key: string, load: () => T): T {
    return kept.once(key, load);
  }

  run<R>(fn: () => R): R {
    scopes.provide();
    return scopes.run(this, fn, []);
  }

  /** The attempt has its outcome. */
  over(): void {
    this.#isOver = true;
  }

  /** The attempt is given up, whether its code has ended or not. */
  giveUp(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.abort(reason);
  }
}
