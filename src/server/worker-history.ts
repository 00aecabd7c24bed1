import type { Report__Output } from '../wire/generated/offhand/v1/Report.js';
import type { Sample__Output } from '../wire/generated/offhand/v1/Sample.js';

/** What a worker had done by some instant. */
export type Counters = Pick<Sample__Output, 'busyMs' | 'completed' | 'failed'>;

const NOTHING: Counters = { busyMs: 0, completed: 0, failed: 0 };

/**
 * What one worker did and when, on the coordinator's clock, for as far back as somebody asks.
 *
 * The worker's clock is mapped by the report that was the quickest on its way: the others were late by what they differ.
 */
export class WorkerHistory {
  /** Oldest first, on the worker's clock. */
  #samples: Sample__Output[] = [];
  /** Coordinator's clock minus the worker's, in ms. */
  #offsetMs = Number.POSITIVE_INFINITY;
  #isStarted = false;

  /** @param now the coordinator's clock when the report came in. */
  add({ samples }: Report__Output, now: number): void {
    const newest = samples.at(-1);
    if (!newest) return;
    this.#offsetMs = Math.min(this.#offsetMs, now - newest.uptimeMs);
    this.#samples.push(...samples);
    this.#isStarted = true;
  }

  /** The counters as they stood at an instant; between two samples time spent running grows evenly. */
  at(instant: number): Counters {
    if (!this.#isStarted) return NOTHING;
    const uptimeMs = instant - this.#offsetMs;
    const index = this.#samples.findIndex((sample) => sample.uptimeMs > uptimeMs);
    const after = this.#samples[index];
    const before = index < 0 ? this.#samples.at(-1) : this.#samples[index - 1];
    if (!before) return NOTHING;
    if (!after) return before;
    const share = (uptimeMs - before.uptimeMs) / (after.uptimeMs - before.uptimeMs);
    return { ...before, busyMs: before.busyMs + share * (after.busyMs - before.busyMs) };
  }

  /** The newest counters. */
  get newest(): Counters {
    return this.#samples.at(-1) ?? NOTHING;
  }

  /** Nobody will ask for an instant before this one any more. */
  forgetBefore(instant: number): void {
    const uptimeMs = instant - this.#offsetMs;
    const next = this.#samples.findIndex((sample) => sample.uptimeMs > uptimeMs);
    const first = next < 0 ? this.#samples.length - 1 : next - 1;
    if (first > 0) this.#samples.splice(0, first);
  }
}
