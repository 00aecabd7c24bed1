import { LRUCache } from 'lru-cache';
import { PoolError } from '../core/errors.js';
import type { ValueReference__Output } from '../wire/generated/offhand/v1/ValueReference.js';
import type { PutContent, WantedPut } from '../wire/values/put.js';
import { checkSize } from '../wire/values/size-limit.js';
import type { ValuePuller } from './value-puller.js';

/** What a worker keeps of such values, in bytes and in number; those not used for longest go first. */
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_VALUES = 10_000;

/** A value that nothing has asked for in this time was most likely that of a client that is gone, in ms. */
const UNUSED_MS = 10 * 60 * 1_000;

/** A value that a thread does not have, and how to come by it. */
export interface AskedPut extends WantedPut {
  /** Where it can be pulled. */
  at?: ValueReference__Output | undefined;
  /** It came with the question. */
  bytes?: SharedArrayBuffer | undefined;
}

interface Kept {
  bytes: number;
  content: Promise<PutContent>;
}

/** The values that clients have put, once for all slots of a worker. In its main thread. */
export class PutStore {
  readonly #puller: ValuePuller;
  readonly #kept: LRUCache<string, Kept>;

  /** @param onDropped told of every value that is no longer kept. */
  constructor(puller: ValuePuller, onDropped: (id: string) => void) {
    this.#puller = puller;
    this.#kept = new LRUCache<string, Kept>({
      max: MAX_VALUES,
      maxSize: MAX_BYTES,
      sizeCalculation: ({ bytes }) => bytes + 1,
      ttl: UNUSED_MS,
      updateAgeOnGet: true,
      ttlAutopurge: true,
      dispose: (_kept, id) => onDropped(id),
    });
  }

  /** @throws PoolError `code-unknown` for what is neither kept nor to be had; what pulling throws */
  get(asked: AskedPut): Promise<PutContent> {
    const known = this.#kept.get(asked.id);
    // Whoever it was pulled from may have given up meanwhile: then this one's own way counts.
    if (known) return known.content.catch(() => this.get(asked));
    const { id, form, at, bytes } = asked;
    if (bytes) return this.#keep(id, bytes.byteLength, Promise.resolve({ form, bytes }));
    if (at) return this.#keep(id, Number(at.bytes), this.#pull(form, at));
    return Promise.reject(
      new PoolError('code-unknown', `this worker does not keep the value ${id}: send it`),
    );
  }

  drop(ids: readonly string[]): void {
    for (const id of ids) this.#kept.delete(id);
  }

  close(): void {
    this.#kept.clear();
    this.#puller.close();
  }

  #keep(id: string, bytes: number, content: Promise<PutContent>): Promise<PutContent> {
    const kept = { bytes, content };
    this.#kept.set(id, kept);
    content.catch(() => {
      if (this.#kept.peek(id) === kept) this.#kept.delete(id);
    });
    return content;
  }

  async #pull(form: PutContent['form'], at: ValueReference__Output): Promise<PutContent> {
    checkSize(Number(at.bytes), 'put.at');
    const bytes = new SharedArrayBuffer(Number(at.bytes));
    await this.#puller.pull(at, Buffer.from(bytes));
    return { form, bytes };
  }
}
