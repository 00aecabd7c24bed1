import type { TaskOutcomes } from '../wire/generated/offhand/v1/TaskOutcomes.js';
import type { Failure } from '../wire/outcome.js';

/** Leases whose end is remembered, per slot. */
const MAX_FATES = 16;

/** What became of the tasks of one lease, as far as its holder may not have heard. */
export interface Fate {
  /** The highest number of a task that has begun; 0 for none. */
  begun: number;
  /** How that one ended, where it was stopped or took its thread along. */
  failure?: Failure | undefined;
  /** Results that may not have arrived. */
  unsent: TaskOutcomes[];
}

/** How the last leases of a slot ended. */
export class Fates {
  readonly #fates = new Map<number, Fate>();
  /** Leases with a task that failed with its thread, whose holders have not asked yet. */
  readonly #untold = new Set<number>();
  #onTold = (): void => undefined;

  /**
   * A lease ends, which it may have done before. What had begun under one whose fate is forgotten nobody can tell once
   * something has begun under a newer one: to say «nothing» would have it begin again elsewhere.
   *
   * @param newestBegun under which lease the newest task has begun.
   */
  end(epoch: number, newestBegun: number, fateNow: () => Fate): void {
    if (!this.#fates.has(epoch) && newestBegun <= epoch) this.set(epoch, fateNow());
  }

  set(epoch: number, fate: Fate): void {
    this.#fates.delete(epoch);
    this.#fates.set(epoch, fate);
    if (fate.failure) this.#untold.add(epoch);
    for (const oldest of this.#fates.keys()) {
      if (this.#fates.size <= MAX_FATES) return;
      this.#fates.delete(oldest);
      this.#untold.delete(oldest);
    }
  }

  /** The same as {@link get}, for the holder of the lease. */
  tell(epoch: number): Fate | undefined {
    this.#untold.delete(epoch);
    if (this.#untold.size === 0) this.#onTold();
    return this.#fates.get(epoch);
  }

  /** Resolves when everybody whose task has failed with its thread knows, or after a while. */
  async whenTold(withinMs: number): Promise<void> {
    if (this.#untold.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onTold = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  get(epoch: number): Fate | undefined {
    return this.#fates.get(epoch);
  }
}
