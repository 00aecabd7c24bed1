import type { ListQuery, TaskPage, TaskRecord } from '../store.js';
import { lowered, textOfTask } from './task-text.js';

/** How many tasks one page may look at: a rare filter costs several short pages rather than one long turn. */
const PAGE_LOOKS = 10_000;

/** A task in a list. */
export interface Listed extends TaskRecord {
  /** Rises with every task. */
  readonly order: number;
}

/** Tasks in the order of their submission, of which those are found that somebody looks for. */
export class TaskList<T extends Listed> {
  readonly #isThere: (item: T) => boolean;
  #items: T[] = [];

  /** @param isThere whether one that was added is still to be found. */
  constructor(isThere: (item: T) => boolean) {
    this.#isThere = isThere;
  }

  add(item: T): void {
    const last = this.#items.at(-1);
    if (!last || last.order < item.order) this.#items.push(item);
    else this.#items.splice(this.#lastBelow(item.order) + 1, 0, item);
  }

  /** Forgets those that are there no longer, where they have become many. @param size how many are there. */
  compact(size: number): void {
    if (this.#items.length > 2 * size + 1_000) this.#items = this.#items.filter(this.#isThere);
  }

  /** Newest first. */
  page({ states, name, group, client, text, limit, cursor }: ListQuery): TaskPage {
    const sought = text === undefined ? undefined : lowered(text);
    const tasks: T[] = [];
    let index = cursor === undefined ? this.#items.length - 1 : this.#lastBelow(Number(cursor));
    const end = Math.max(-1, index - PAGE_LOOKS);
    for (; index > end && tasks.length < limit; index--) {
      const item = this.#items[index];
      if (!item || !this.#isThere(item)) continue;
      if (states.length > 0 && !states.includes(item.state)) continue;
      if (name !== undefined && item.spec.name !== name) continue;
      if (group !== undefined && item.spec.group?.name !== group) continue;
      if (client !== undefined && item.spec.client !== client) continue;
      if (sought !== undefined && !textOfTask(item.spec, item.failure).includes(sought)) continue;
      tasks.push(item);
    }
    const last = this.#items[index + 1];
    return { tasks, cursor: index >= 0 && last ? String(last.order) : undefined };
  }

  #lastBelow(order: number): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle]?.order ?? 0) < order) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
