/** Something that has an outcome, or not yet. */
export interface Ordered {
  /** Rises with every outcome; below 0 where there is none. */
  settledOrder: number;
}

/** What has an outcome, in the order in which it came. */
export class OutcomeOrder<T extends Ordered> {
  /** With gaps: what was removed stays here for a while, under a number that is its own no longer. */
  #entries: { order: number; item: T }[] = [];
  #size = 0;
  #next = 0;

  /** @param order higher than any before it. */
  add(item: T, order = this.#next): void {
    item.settledOrder = order;
    this.#next = order + 1;
    this.#entries.push({ order: item.settledOrder, item });
    this.#size += 1;
  }

  remove(item: T): void {
    if (item.settledOrder < 0) return;
    item.settledOrder = -1;
    this.#size -= 1;
    if (this.#entries.length > 2 * this.#size + 1_000)
      this.#entries = this.#entries.filter((entry) => entry.item.settledOrder === entry.order);
  }

  /** @returns what comes after an outcome, and the number of the last one unless there is no more */
  page(after: number, limit: number): { rows: T[]; last: number | undefined } {
    const rows: T[] = [];
    for (let index = this.#firstAbove(after); index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (!entry || entry.item.settledOrder !== entry.order) continue;
      rows.push(entry.item);
      if (rows.length === limit) return { rows, last: entry.order };
    }
    return { rows, last: undefined };
  }

  #firstAbove(order: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.order ?? 0) <= order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
