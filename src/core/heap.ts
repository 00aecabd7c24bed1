/** What a {@link Heap} needs of its items: a place to keep their position, so that any of them can be taken out. */
export interface HeapItem {
  /** Position in the heap, -1 while in none. An item is in at most one heap. */
  heapIndex: number;
}

/** Binary min-heap whose items know their place: push, pop, remove and reorder cost O(log n). */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  /** The one that would be first without the first. */
  peekSecond(): T | undefined {
    const [, a, b] = this.#items;
    return a !== undefined && b !== undefined && this.#isBefore(b, a) ? b : a;
  }

  /** The first `most`, in their order. */
  few(most: number): T[] {
    const few: T[] = [];
    const next = this.#items.slice(0, 1);
    for (let item = next.shift(); item && few.length < most; item = next.shift()) {
      few.push(item);
      for (const index of [2 * item.heapIndex + 1, 2 * item.heapIndex + 2]) {
        const child = this.#items[index];
        if (!child) continue;
        const at = next.findIndex((other) => this.#isBefore(child, other));
        next.splice(at < 0 ? next.length : at, 0, child);
      }
    }
    return few;
  }

  push(item: T): void {
    item.heapIndex = this.#items.length;
    this.#items.push(item);
    this.#rise(item);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first) this.remove(first);
    return first;
  }

  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    last.heapIndex = index;
    this.#items[index] = last;
    this.reorder(last);
  }

  /** To be called after the item's order has changed. */
  reorder(item: T): void {
    this.#rise(item);
    this.#sink(item);
  }

  #rise(item: T): void {
    let index = item.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex] as T;
      if (!this.#isBefore(item, parent)) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(item, index);
  }

  #sink(item: T): void {
    const count = this.#items.length;
    let index = item.heapIndex;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= count) break;
      const right = left + 1;
      const a = this.#items[left] as T;
      const b = this.#items[right];
      const child = b !== undefined && this.#isBefore(b, a) ? b : a;
      if (!this.#isBefore(child, item)) break;
      const childIndex = child.heapIndex;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(item, index);
  }

  #put(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
