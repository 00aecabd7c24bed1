/** What a {@link LinkedList} needs of its items. An item is in at most one list. */
export interface ListItem<T> {
  /** The list it is in, if any. */
  list: unknown;
  previous: T | undefined;
  next: T | undefined;
}

/** A list that any of its items leaves at the cost of a few assignments. First in, first out. */
export class LinkedList<T extends ListItem<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  push(item: T): void {
    this.#link(this.#last, item, undefined);
  }

  /** Puts an item before one that is in this list, or at the end. */
  insert(item: T, next: T | undefined): void {
    this.#link(next ? next.previous : this.#last, item, next);
  }

  shift(): T | undefined {
    const first = this.#first;
    if (first) this.remove(first);
    return first;
  }

  /** Does nothing where the item is not in this list. */
  remove(item: T): void {
    if (item.list !== this) return;
    const { previous, next } = item;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    item.list = undefined;
    item.previous = undefined;
    item.next = undefined;
    this.#size -= 1;
  }

  #link(previous: T | undefined, item: T, next: T | undefined): void {
    item.list = this;
    item.previous = previous;
    item.next = next;
    if (previous) previous.next = item;
    else this.#first = item;
    if (next) next.previous = item;
    else this.#last = item;
    this.#size += 1;
  }
}
