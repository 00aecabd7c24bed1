import { setTimeout as delay } from 'node:timers/promises';

/** For how long after somebody has asked for a worker others are expected to ask, in ms. */
const LATELY_MS = 100;

/** How much time each task has to itself then, in ms: about twice what it takes to take it in (`npm run bench:queue`). */
const TASK_MS = 0.015;

/** Timers know nothing shorter, in ms. */
const LEAST_MS = 1;

/**
 * Lets requests with tasks in, one after another. What is submitted by the thousand can wait a little, and would hold up whoever
 * asks for a worker now: beside these it has half of the time.
 */
export class Intake {
  #last: Promise<unknown> = Promise.resolve();
  #askedAt = -Infinity;
  #owedMs = 0;

  /** Somebody asks for a worker. */
  giveWay(): void {
    this.#askedAt = performance.now();
  }

  /** Does the work of a request with so many tasks when it is its turn. */
  async take<T>(tasks: number, work: () => Promise<T>): Promise<T> {
    const turn = this.#last;
    this.#last = turn.then(() => this.#pause(tasks));
    await turn;
    return work();
  }

  #pause(tasks: number): Promise<void> | undefined {
    if (performance.now() - this.#askedAt > LATELY_MS) {
      this.#owedMs = 0;
      return undefined;
    }
    this.#owedMs += tasks * TASK_MS;
    if (this.#owedMs < LEAST_MS) return undefined;
    const owed = this.#owedMs;
    this.#owedMs = 0;
    return delay(owed);
  }
}
