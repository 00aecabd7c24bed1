import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { PoolError } from '../core/errors.js';
import { taskFileName } from '../core/stack.js';
import { type AnyFunction, compileFunction } from '../wire/functions/compile.js';
import { MAX_FUNCTIONS, MAX_KEPT_BYTES, PartCache, type SentSource } from '../wire/functions/parts.js';

/** The functions that one thread knows, compiled, and what they need. */
export class FunctionCache {
  readonly #functions = new LRUCache<string, { fn: AnyFunction; bytes: number }>({
    max: MAX_FUNCTIONS,
    maxSize: MAX_KEPT_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });
  readonly #parts: PartCache;
  readonly #folder: string;

  /** @param folder absolute path, from which functions resolve what they import. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#parts = new PartCache(join(folder, 'offhand-part.js'));
  }

  has(id: string): boolean {
    return this.#functions.has(id);
  }

  /** Compiling already runs what stands around a function. @throws PoolError `not-shippable`, `code-unknown` */
  get(id: string, source: SentSource | undefined): AnyFunction {
    const known = this.#functions.get(id);
    if (known) return known.fn;
    if (source === undefined) throw codeUnknown(id);
    const parts = source.parts.map((part) => this.#parts.get(part));
    const fn = compileFunction(
      source.text,
      join(this.#folder, taskFileName(id)),
      parts.map(({ value }) => value),
    );
    this.#functions.set(id, { fn, bytes: parts.reduce((sum, part) => sum + part.bytes, source.text.length) });
    return fn;
  }
}

export function codeUnknown(id: string): PoolError {
  return new PoolError('code-unknown', `this worker does not know the function ${id}: send its source`);
}
