import type { KV } from '@nats-io/kv';
import { messageOf } from '../../../core/errors.js';
import type { TaskId } from '../../../core/ids.js';
import type { TaskSpec } from '../../store.js';
import { digestOf } from './names.js';
import type { Reader } from './reader.js';
import type { Tasks } from './tasks.js';

/** Idempotency keys, each with the task that has it. */
export class KeyBook {
  readonly #keys: KV;
  readonly #reader: Reader;
  readonly #tasks: Tasks;

  constructor(keys: KV, reader: Reader, tasks: Tasks) {
    this.#keys = keys;
    this.#reader = reader;
    this.#tasks = tasks;
  }

  /** Under which id each task is to be, and whether it is not there so far. */
  async take(tasks: readonly TaskSpec[]): Promise<({ id: TaskId; isNew: boolean } | undefined)[]> {
    const together = new Map<string, TaskId>();
    const named: ({ id: TaskId; isNew: boolean } | undefined)[] = [];
    for (const { id, key } of tasks) {
      const first = key === undefined ? undefined : together.get(key);
      if (key === undefined) named.push(undefined);
      else if (first !== undefined) named.push({ id: first, isNew: false });
      else {
        const taken = await this.#take(key, id);
        together.set(key, taken.id);
        named.push(taken);
      }
    }
    return named;
  }

  /** Whoever comes with it begins anew. */
  async free(key: string, id: TaskId): Promise<void> {
    const name = `key.${digestOf(key)}`;
    const entry = await this.#reader.patiently(() => this.#keys.get(name));
    if (entry?.string() !== id) return;
    await this.#reader
      .patiently(() => this.#keys.purge(name, { previousSeq: entry.revision }))
      .catch(ignoreTaken);
  }

  async #take(key: string, id: TaskId): Promise<{ id: TaskId; isNew: boolean }> {
    const name = `key.${digestOf(key)}`;
    for (;;) {
      const entry = await this.#reader.patiently(() => this.#keys.get(name));
      if (entry?.operation === 'PUT') {
        const known = entry.string() as TaskId;
        const found = await this.#tasks.find(known);
        // Whoever wrote it down may be gone, or not be ready yet: the task is kept under the id that stands here, once.
        if (found?.where !== 'dropped') return { id: known, isNew: found === undefined };
        if (await this.#write(name, id, entry.revision)) return { id, isNew: true };
      } else if (await this.#write(name, id, entry?.revision ?? 0)) return { id, isNew: true };
    }
  }

  async #write(name: string, id: TaskId, previousSeq: number): Promise<boolean> {
    try {
      await this.#reader.patiently(() => this.#keys.put(name, id, { previousSeq }));
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }
}

function isTaken(error: unknown): boolean {
  return /wrong last sequence/.test(messageOf(error));
}

function ignoreTaken(error: unknown): void {
  if (!isTaken(error)) throw error;
}
