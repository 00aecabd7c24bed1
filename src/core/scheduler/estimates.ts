import type { LeaseWish } from './account.js';
import { Pace } from '../pace.js';

/** What a task is taken to need of which nothing is known, while nothing at all is, in ms. */
const UNKNOWN_MS = 100;

/** In place of the name of a function: all of them. */
const ALL = '';

/** How much of what was measured before still counts, and after how many tasks a worker's speed is believed by half. */
const SPEED_MEMORY = 0.95;
const SPEED_PRIOR = 5;

/** How long tasks take, declared or learnt, and how fast workers are. */
export class Estimates {
  readonly #pace = new Pace();

  /** What a task takes on an average worker, in ms; undefined where nobody knows. */
  expectedMs({ fn, expectedMs }: LeaseWish): number | undefined {
    return expectedMs ?? (fn === undefined ? undefined : this.#pace.of(fn));
  }

  /** The same, with a guess where nobody knows: what tasks have taken of late. */
  assumedMs(wish: LeaseWish): number {
    return this.expectedMs(wish) ?? this.#pace.of(ALL) ?? UNKNOWN_MS;
  }

  /** A task has taken so long on a worker of this speed. */
  note(speed: Speed, wish: LeaseWish, tookMs: number): void {
    const { fn } = wish;
    const expectedMs = this.expectedMs(wish);
    if (expectedMs !== undefined && expectedMs > 0 && tookMs > 0) speed.note(expectedMs, tookMs);
    if (fn !== undefined) this.#pace.note(fn, 1, tookMs);
    this.#pace.note(ALL, 1, tookMs);
  }
}

/**
 * How fast a worker is, 1 being as expected: the time that its tasks were expected to take by the time that they took, the
 * newest counting most. The sums are divided, not the tasks, since durations that scatter would have every worker look fast.
 */
export class Speed {
  #expectedMs = 0;
  #tookMs = 0;
  #value = 1;

  get value(): number {
    return this.#value;
  }

  note(expectedMs: number, tookMs: number): void {
    if (this.#tookMs === 0) this.#expectedMs = this.#tookMs = SPEED_PRIOR * expectedMs;
    this.#expectedMs = SPEED_MEMORY * this.#expectedMs + expectedMs;
    this.#tookMs = SPEED_MEMORY * this.#tookMs + tookMs;
    this.#value = this.#expectedMs / this.#tookMs;
  }
}
