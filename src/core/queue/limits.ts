import { Heap } from '../heap.js';
import type { Entry, EntryLimit } from './entry.js';

/** Until when tasks may wait, or are of use; those alone that say so. */
export class Limits {
  readonly #heap = new Heap<EntryLimit>((a, b) => a.at < b.at);

  /** When the next one is reached; undefined for never. */
  get nextAt(): number | undefined {
    return this.#heap.peek()?.at;
  }

  set(entry: Entry, kind: EntryLimit['kind'], at: number): void {
    const limit: EntryLimit = { entry, kind, at, heapIndex: -1 };
    (entry.limits ??= []).push(limit);
    this.#heap.push(limit);
  }

  remove(entry: Entry, kind: EntryLimit['kind']): void {
    const limit = entry.limits?.find((one) => one.kind === kind);
    if (!limit) return;
    this.#heap.remove(limit);
    entry.limits = entry.limits?.filter((one) => one !== limit);
  }

  removeAll(entry: Entry): void {
    for (const limit of entry.limits ?? []) this.#heap.remove(limit);
    entry.limits = undefined;
  }

  /** Takes out the next one that is reached by now. */
  takeDue(now: number): EntryLimit | undefined {
    const limit = this.#heap.peek();
    if (!limit || limit.at > now) return undefined;
    this.remove(limit.entry, limit.kind);
    return limit;
  }
}
