import { randomBytes } from 'node:crypto';
import { PoolError } from '../../core/errors.js';
import { MAKES_NO_COPY } from '../../wire/values/uncloneable.js';
import { type PutContent, putContent } from '../../wire/values/put.js';

/** A value of `pool.put` on its way with a call, as an argument. */
export interface ShippedPut {
  /** Among the arguments. */
  index: number;
  id: string;
  content: PutContent;
}

/**
 * Stands for a value that was given to `pool.put`, as an argument of `pool.run`, `pool.map` and `pool.stream`. Workers get the
 * value once, and keep it for all calls.
 */
export class Reference<T> {
  /** How large the value is, encoded, in bytes. */
  readonly bytes: number;
  readonly #id: string;
  #content: PutContent | undefined;
  readonly #onReleased: (id: string) => void;
  /** Of the value. */
  declare protected readonly value: T;
  // In a value that is sent it has to be noticed: alone it may be an argument, and nothing else.
  readonly [MAKES_NO_COPY] = 'a value of pool.put (pass it as an argument by itself)';

  /** @internal Made by `pool.put`. */
  constructor(id: string, content: PutContent, onReleased: (id: string) => void) {
    this.#id = id;
    this.#content = content;
    this.bytes = content.bytes.byteLength;
    this.#onReleased = onReleased;
  }

  /** Lets go of the value here and on the workers. Calls that were made before still have it. */
  readonly release = (): void => {
    if (!this.#content) return;
    this.#content = undefined;
    this.#onReleased(this.#id);
  };

  [Symbol.dispose](): void {
    this.release();
  }

  /** @internal @throws PoolError `invalid-argument` when it was released */
  ship(index: number): ShippedPut {
    if (this.#content) return { index, id: this.#id, content: this.#content };
    throw new PoolError(
      'invalid-argument',
      `arguments[${index}]: this value of pool.put was released, or its pool closed; put it again`,
    );
  }
}

/** The values that a pool has put. */
export class References {
  readonly #live = new Map<string, { release(): void }>();
  readonly #drop: (ids: string[]) => Promise<void>;
  #dropped: string[] = [];
  #isClosed = false;

  /** @param drop has the workers drop values; never rejects. */
  constructor(drop: (ids: string[]) => Promise<void>) {
    this.#drop = drop;
  }

  /** @throws PoolError `not-cloneable`, `too-large`, `closed` */
  put<T>(value: T): Reference<T> {
    if (this.#isClosed) throw new PoolError('closed', 'this pool is closed');
    const content = putContent(value, 'the value');
    const id = randomBytes(16).toString('hex');
    const reference = new Reference<T>(id, content, () => {
      this.#live.delete(id);
      if (this.#dropped.length === 0 && !this.#isClosed)
        queueMicrotask(() => void this.#drop(this.#dropped.splice(0)));
      this.#dropped.push(id);
    });
    this.#live.set(id, reference);
    return reference;
  }

  /** Releases all of them; resolves when the workers know. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const reference of this.#live.values()) reference.release();
    if (this.#dropped.length > 0) await this.#drop(this.#dropped.splice(0));
  }
}
