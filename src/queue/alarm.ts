import { MAX_TIMER_MS } from '../core/timer.js';

/** Rings at an instant, which may be changed until then. */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at: number | undefined;
  #isStopped = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** @param at in ms since 1970; undefined for never. Rings early, and may be set again, where that is very far away. */
  set(at: number | undefined): void {
    if (at === this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    if (at === undefined || this.#isStopped) return;
    const delayMs = Math.min(Math.max(0, at - Date.now()), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#at = undefined;
      this.#ring();
    }, delayMs);
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}
