import { LRUCache } from 'lru-cache';
import { PoolError } from '../core/errors.js';
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
  readonly #base: string;

  /** @param base absolute path of a file, real or not, from which functions resolve what they import. */
  constructor(base: string) {
    this.#base = base;
    this.#parts = new PartCache(base);
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
      this.#base,
      parts.map(({ value }) => value),
    );
    this.#functions.set(id, { fn, bytes: parts.reduce((sum, part) => sum + part.bytes, source.text.length) });
    return fn;
  }
}

export function codeUnknown(id: string): PoolError {
  return new PoolError('code-unknown', `this worker does not know the function ${id}: send its source`);
}
