import type { Settlement, TaskStore } from './store.js';

/** When a store that failed is tried again, in ms. */
const RETRY_MS = 1_000;

export interface OutcomeEvents {
  /** They have their outcomes, in the store. */
  settled(settlements: readonly Settlement[]): void;
  /** They have others already, or were meant for attempts that are not the current ones. */
  refused(settlements: readonly Settlement[]): void;
  storeFailed(error: unknown): void;
}

/** Outcomes on their way into the store: those of one turn are one change, those that come meanwhile the next. */
export class OutcomeWriter {
  readonly #store: TaskStore;
  readonly #events: OutcomeEvents;
  #settlements: Settlement[] = [];
  #writing: Promise<void> | undefined;
  #isClosed = false;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(store: TaskStore, events: OutcomeEvents) {
    this.#store = store;
    this.#events = events;
  }

  /** Resolves when all that there is to write is in the store. */
  write(...settlements: Settlement[]): Promise<void> {
    // No two outcomes have the same instant, so that it tells their order.
    for (const settlement of settlements) {
      this.#lastAt = Math.max(settlement.at, this.#lastAt + 0.001);
      settlement.at = this.#lastAt;
      this.#settlements.push(settlement);
    }
    return (this.#writing ??= this.#writeAll());
  }

  /** A store that fails is not tried again from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve();
    while (this.#settlements.length > 0) {
      const settlements = this.#settlements;
      this.#settlements = [];
      try {
        const areCurrent = await this.#store.settle(settlements);
        this.#events.settled(settlements.filter((_, index) => areCurrent[index]));
        if (areCurrent.includes(false))
          this.#events.refused(settlements.filter((_, index) => !areCurrent[index]));
      } catch (error) {
        this.#events.storeFailed(error);
        this.#settlements = [...settlements, ...this.#settlements];
        if (this.#isClosed) break;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.#writing = undefined;
  }
}
