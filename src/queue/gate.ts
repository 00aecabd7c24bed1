import { LRUCache } from 'lru-cache';
import { PoolError } from '../core/errors.js';
import { type NamedFunctions, notRegistered } from '../wire/functions/named.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import type { TaskSpec } from './store.js';

/** Functions that were let in under other ids than they are registered by, because they need setups. */
const MAX_LET_IN = 10_000;

/** Told of tasks that may not run here. */
export type Refused = (tasks: readonly Omit<TaskSpec, 'args'>[]) => void;

/**
 * Lets in what may run. What a setup does is not read in this process, and what stood in the store before was let in by
 * others: workers look at everything again.
 */
export class Gate {
  readonly #named: NamedFunctions | undefined;
  readonly #refused: Refused;
  readonly #letIn = new LRUCache<string, true>({ max: MAX_LET_IN });

  /** @param named undefined where anything may run. */
  constructor(named?: NamedFunctions, refused: Refused = () => undefined) {
    this.#named = named;
    this.#refused = refused;
  }

  /** @throws PoolError `not-allowed`; `code-unknown` for what came without its source and is not known to be let in */
  check(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): void {
    if (!this.#named) return;
    for (const { id, source, parts } of functions) {
      const name = tasks.find(({ functionId }) => functionId === id)?.name ?? 'anonymous';
      try {
        this.#named.check({ text: source, parts }, name);
      } catch (error) {
        this.#refused(tasks);
        throw error;
      }
      this.#letIn.set(id, true);
    }
    for (const { functionId, name } of tasks) {
      if (!this.#isKnown(functionId))
        throw new PoolError(
          'code-unknown',
          `\`${name}\`: function ${functionId} is not known here: send its source`,
        );
    }
  }

  /** The same for tasks that are to run again. @throws PoolError `not-allowed` */
  checkAgain(tasks: readonly Omit<TaskSpec, 'args'>[]): void {
    const other = this.#named && tasks.find(({ functionId }) => !this.#isKnown(functionId));
    if (!other) return;
    this.#refused([other]);
    throw notRegistered(other.name, other.functionId);
  }

  #isKnown(id: string): boolean {
    return this.#letIn.has(id) || this.#named?.has(id) === true;
  }
}
