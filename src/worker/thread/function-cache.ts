import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { PoolError } from '../../core/errors.js';
import { taskFileName } from '../../core/stack.js';
import { type AnyFunction, compileFunction } from '../../wire/functions/compile.js';
import {
  keyOf,
  MAX_FUNCTIONS,
  MAX_KEPT_BYTES,
  PartCache,
  type SentPart,
  type SentSource,
} from '../../wire/functions/parts.js';
import type { NamedFunctions } from '../../wire/functions/named.js';
import type { Setup } from '../../wire/functions/setup.js';

/** A setup that has not run in this thread. */
export interface MissingSetup {
  id: string;
  setup: Setup;
}

/** A function of this thread, and the setups that it needs. */
interface Kept {
  fn: AnyFunction;
  setups: readonly SentPart[];
  /** The keys of all that came along with it. */
  parts: readonly string[];
  bytes: number;
}

/**
 * The functions that one thread knows, compiled, and what they need. Whatever runs in the thread is compiled here, so it is
 * here that a list of what may run is kept to.
 */
export class FunctionCache {
  readonly #functions = new LRUCache<string, Kept>({
    max: MAX_FUNCTIONS,
    maxSize: MAX_KEPT_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });
  readonly #parts: PartCache;
  /** Setups that have run here, by the hashes of their content. */
  readonly #setUp = new LRUCache<string, true>({ max: MAX_FUNCTIONS });
  readonly #folder: string;
  readonly #named: NamedFunctions | undefined;

  /**
   * @param folder absolute path, from which functions resolve what they import.
   * @param named those that may run; any where left out.
   */
  constructor(folder: string, named?: NamedFunctions) {
    this.#folder = folder;
    this.#named = named;
    this.#parts = new PartCache(join(folder, 'offhand-part.js'));
  }

  has(id: string): boolean {
    return this.#functions.has(id);
  }

  /** The keys (`MODULE <hash>`) of what comes along with a function; none of one that is not known. */
  partsOf(id: string, source: SentSource | undefined): readonly string[] {
    return source ? source.parts.map(keyOf) : (this.#functions.get(id)?.parts ?? []);
  }

  /**
   * The first setup that has to run before this function does, if one has not run here.
   *
   * @param name for people.
   * @throws PoolError `code-unknown`, `not-allowed`
   */
  missingSetup(id: string, source: SentSource | undefined, name = 'anonymous'): MissingSetup | undefined {
    if (source) this.#named?.check(source, name);
    const parts = source ? source.parts.filter(isSetup) : (this.#functions.get(id)?.setups ?? []);
    const missing = parts.find((part) => !this.#setUp.get(part.id));
    return missing && { id: missing.id, setup: this.#parts.get(missing).value as Setup };
  }

  /** This setup has run. */
  noteSetup(id: string): void {
    this.#setUp.set(id, true);
  }

  /**
   * Compiling already runs what stands around a function.
   *
   * @throws PoolError `not-shippable`, `code-unknown`, `not-allowed`
   */
  get(id: string, source: SentSource | undefined, name = 'anonymous'): AnyFunction {
    const known = this.#functions.get(id);
    if (known) return known.fn;
    if (source === undefined) throw codeUnknown(id);
    this.#named?.check(source, name);
    const parts = source.parts.map((part) => this.#parts.get(part));
    const fn = compileFunction(
      source.text,
      join(this.#folder, taskFileName(id)),
      parts.map(({ value }) => value),
    );
    const setups = source.parts.filter(isSetup).map((part) => ({ ...part, data: undefined }));
    const bytes = parts.reduce((sum, part) => sum + part.bytes, source.text.length);
    this.#functions.set(id, { fn, setups, parts: this.partsOf(id, source), bytes });
    return fn;
  }
}

function isSetup({ kind }: SentPart): boolean {
  return kind === 'SETUP';
}

export function codeUnknown(id: string): PoolError {
  return new PoolError('code-unknown', `this worker does not know the function ${id}: send its source`);
}
