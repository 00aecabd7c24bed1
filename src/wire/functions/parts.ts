import { LRUCache } from 'lru-cache';
import { PoolError } from '../../core/errors.js';
import { decodePayload } from '../values/payload.js';
import { loadModule } from './load-module.js';
import { setupFrom } from './setup.js';

/** Functions that one thread keeps, compiled; and parts of them. */
export const MAX_FUNCTIONS = 1_000;

/** What they may take together, as they were sent, in bytes. */
export const MAX_KEPT_BYTES = 512 * 1024 * 1024;

/** What a function needs beside its source: captured data, a bundled module, or a setup that has to have run before. */
export type PartKind = 'DATA' | 'MODULE' | 'SETUP';

export function isPartKind(kind: unknown): kind is PartKind {
  return kind === 'DATA' || kind === 'MODULE' || kind === 'SETUP';
}

/** Known by its kind and the hash of its content, so that it is sent once. */
export interface Part {
  kind: PartKind;
  /** SHA-256 of `data`, in hex. */
  id: string;
  /** For people. */
  name: string;
  data: Uint8Array;
  /** What to tell people where it cannot be loaded. */
  remedy: string;
}

/** A part as it comes: without its content where that was sent before. */
export type SentPart = Omit<Part, 'data'> & { data: Uint8Array | undefined };

/** A function as it comes. */
export interface SentSource {
  text: string;
  parts: readonly SentPart[];
}

export function keyOf({ kind, id }: Pick<Part, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

/** The parts that one thread has, each decoded or loaded once: what uses it shares it. Those not used for longest go first. */
export class PartCache {
  readonly #values = new LRUCache<string, { value: unknown; bytes: number }>({
    max: MAX_FUNCTIONS,
    maxSize: MAX_KEPT_BYTES,
    sizeCalculation: ({ bytes }) => bytes + 1,
  });

  readonly #base: string;

  /** @param base absolute path of a file, real or not, from which modules resolve what is not bundled. */
  constructor(base: string) {
    this.#base = base;
  }

  /**
   * @throws PoolError `code-unknown` for what came without its content and is not kept, `not-shippable` for a module that
   * throws
   */
  get(part: SentPart): { value: unknown; bytes: number } {
    const key = keyOf(part);
    const known = this.#values.get(key);
    if (known) return known;
    if (!part.data)
      throw new PoolError(
        'code-unknown',
        `this worker does not know ${part.name} (${part.id}): send its content`,
      );
    const kept = { value: this.#load(part, part.data), bytes: part.data.length };
    this.#values.set(key, kept);
    return kept;
  }

  #load(part: SentPart, data: Uint8Array): unknown {
    switch (part.kind) {
      case 'DATA':
        return decodePayload({ encoding: 'V8', data });
      case 'MODULE':
        return loadModule(part, textOf(data), this.#base);
      case 'SETUP':
        return setupFrom(data);
    }
  }
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}
