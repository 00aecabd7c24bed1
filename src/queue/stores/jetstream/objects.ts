import { deserialize, serialize } from 'node:v8';
import type { ObjectStore } from '@nats-io/obj';
import { LRUCache } from 'lru-cache';
import { functionId } from '../../../core/ids.js';
import type { ShippedFunction } from '../../../wire/functions/source.js';
import type { Payload } from '../../../wire/values/payload.js';
import { NO_BYTES, payloadAt, type Place } from './heads.js';
import type { Reader } from './reader.js';

/** What is larger than this does not go in a message, in bytes. */
const MAX_INLINE_BYTES = 128 * 1024;

/** What arguments and outcomes take that are too large for a message. */
export class Payloads {
  readonly #objects: ObjectStore;
  readonly #reader: Reader;

  constructor(objects: ObjectStore, reader: Reader) {
    this.#objects = objects;
    this.#reader = reader;
  }

  /** @returns where they are, and what of them goes in the message. */
  async put(name: string, { encoding, data }: Payload): Promise<{ place: Place; bytes: Uint8Array }> {
    if (data.length <= MAX_INLINE_BYTES) return { place: { encoding, bytes: data.length }, bytes: data };
    await this.#reader.patiently(() => this.#objects.putBlob({ name }, data));
    return { place: { encoding, bytes: 0, object: name }, bytes: NO_BYTES };
  }

  /** Undefined where it is there no longer. */
  async get(place: Place, data: Uint8Array, offset = 0): Promise<Payload | undefined> {
    const { object: name } = place;
    if (name === undefined) return payloadAt(place, data, offset);
    const bytes = await this.#reader.patiently(() => this.#objects.getBlob(name));
    return bytes ? { encoding: place.encoding, data: bytes } : undefined;
  }

  async remove(...places: (Place | undefined)[]): Promise<void> {
    for (const place of places) {
      const name = place?.object;
      if (name !== undefined) await this.#reader.patiently(() => this.#objects.delete(name));
    }
  }
}

/** What of functions is kept here, in bytes. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** A function is written anew when it is submitted so long after it was, in ms: far sooner than it would go. */
const FRESH_MS = 10 * 86_400_000;

/** For so long it need not be looked at again, in ms. */
const LOOK_MS = 86_400_000;

/** Functions by their ids. They go a long time after anybody has submitted them. */
export class FunctionStore {
  readonly #objects: ObjectStore;
  readonly #reader: Reader;
  /** When each was last known to be there, and fresh. */
  readonly #seen = new LRUCache<string, true>({ max: 10_000, ttl: LOOK_MS });
  readonly #cache = new LRUCache<string, ShippedFunction>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ source, parts }) =>
      parts.reduce((sum, { data }) => sum + data.length, source.length) + 1,
  });

  constructor(objects: ObjectStore, reader: Reader) {
    this.#objects = objects;
    this.#reader = reader;
  }

  async keep(functions: readonly ShippedFunction[]): Promise<void> {
    for (const sent of functions) {
      // Whoever does not say how it is written takes nothing away from those that did.
      const fn = sent.preview === '' ? ((await this.get(sent.id)) ?? sent) : sent;
      this.#cache.set(fn.id, fn);
      if (this.#seen.has(fn.id)) continue;
      const info = await this.#reader.patiently(() => this.#objects.info(fn.id));
      const isFresh = info !== null && Date.now() - Date.parse(info.mtime) < FRESH_MS;
      const { source, parts, preview } = fn;
      if (!isFresh)
        await this.#reader.patiently(() =>
          this.#objects.putBlob({ name: fn.id }, serialize({ source, parts, preview })),
        );
      this.#seen.set(fn.id, true);
    }
  }

  /** Whether it is there; it is written anew before it would go. */
  async has(id: string): Promise<boolean> {
    if (this.#seen.has(id)) return true;
    const fn = await this.get(id);
    if (fn) await this.keep([fn]);
    return fn !== undefined;
  }

  async get(id: string): Promise<ShippedFunction | undefined> {
    const known = this.#cache.get(id);
    if (known) return known;
    const bytes = await this.#reader.patiently(() => this.#objects.getBlob(id));
    if (!bytes) return undefined;
    const kept = deserialize(bytes) as Pick<ShippedFunction, 'source' | 'parts' | 'preview'>;
    const fn = { id: functionId(id), name: '', ...kept };
    this.#cache.set(id, fn);
    return fn;
  }
}
