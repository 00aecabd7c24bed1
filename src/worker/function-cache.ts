import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { PoolError } from '../core/errors.js';
import { taskFileName } from '../core/stack.js';
import { type AnyFunction, compileFunction } from '../wire/functions/compile.js';

/** Functions kept compiled in one thread. */
const MAX_FUNCTIONS = 1_000;

/** The functions that one thread knows. */
export class FunctionCache {
  readonly #functions = new LRUCache<string, AnyFunction>({ max: MAX_FUNCTIONS });
  readonly #folder: string;

  /** @param folder absolute path, from which functions resolve what they import. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  has(id: string): boolean {
    return this.#functions.has(id);
  }

  /** Compiling already runs what stands around a function. @throws PoolError `not-shippable`, `code-unknown` */
  get(id: string, source: string | undefined): AnyFunction {
    const known = this.#functions.get(id);
    if (known) return known;
    if (source === undefined) throw codeUnknown(id);
    const compiled = compileFunction(source, join(this.#folder, taskFileName(id)));
    this.#functions.set(id, compiled);
    return compiled;
  }
}

export function codeUnknown(id: string): PoolError {
  return new PoolError('code-unknown', `this worker does not know the function ${id}: send its source`);
}
