import type { DirectExecutor } from '../client/direct/direct-executor.js';
import { tagSet } from '../core/tags.js';

/** Makes an executor for tasks that ask for these tags; told when there are more slots for them, or fewer. */
export type MakeExecutor = (requires: readonly string[], onCapacity: () => void) => DirectExecutor;

/** Who runs the tasks of the queue: for each set of tags that tasks ask for an executor of its own. */
export class Executors {
  /** Of tasks that ask for nothing. */
  readonly plain: DirectExecutor;
  readonly #others = new Map<string, DirectExecutor>();
  readonly #make: MakeExecutor;
  readonly #onCapacity: () => void;

  constructor(make: MakeExecutor, onCapacity: () => void) {
    this.#make = make;
    this.#onCapacity = onCapacity;
    this.plain = make([], onCapacity);
  }

  /** @param needs the tags as one word, as of `TaskFacts`. */
  of(needs: string): DirectExecutor {
    if (needs === '') return this.plain;
    let executor = this.#others.get(needs);
    if (!executor) {
      executor = this.#make(tagsOf(needs), this.#onCapacity);
      this.#others.set(needs, executor);
    }
    return executor;
  }

  async close(): Promise<void> {
    await Promise.all([this.plain, ...this.#others.values()].map((executor) => executor.close()));
  }
}

/** What a task asks for, as one word. */
export function needsOf(requires: readonly string[]): string {
  return requires.length === 0 ? '' : tagSet(requires, 'requires').key;
}

/** The reverse. */
export function tagsOf(needs: string): string[] {
  return needs === '' ? [] : needs.split(',');
}
