import { LinkedList } from '../../core/linked-list.js';
import type { DirectTask } from './direct-task.js';

/** Where a lease takes its tasks from. */
export interface TaskSource {
  readonly size: number;
  readonly first: DirectTask | undefined;
  shift(): DirectTask | undefined;
}

/** How many tasks, or leases for them, of one priority. */
export interface Wanted {
  priority: number;
  count: number;
}

const NONE: Wanted[] = [];

/** The tasks of one priority. */
class Rank {
  readonly priority: number;
  readonly tasks = new LinkedList<DirectTask>();

  constructor(priority: number) {
    this.priority = priority;
  }
}

/** Tasks that wait for a lease: those of higher priority first, and within one in the order of their calls. */
export class TaskLine implements TaskSource {
  /** Highest priority first; at most one for each priority there is. */
  #ranks: Rank[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): DirectTask | undefined {
    return this.#firstRank?.tasks.first;
  }

  shift(): DirectTask | undefined {
    const task = this.first;
    if (task) this.remove(task);
    return task;
  }

  push(task: DirectTask): void {
    this.#at(task.priority).push(task);
    this.#size += 1;
  }

  /** Does nothing where the task is not in line. */
  remove(task: DirectTask): void {
    const tasks = this.#at(task.priority);
    const before = tasks.size;
    tasks.remove(task);
    this.#size += tasks.size - before;
  }

  /** Puts tasks where they came from: before all of their priority that were called later. */
  putBack(tasks: readonly DirectTask[]): void {
    let list: LinkedList<DirectTask> | undefined;
    let next: DirectTask | undefined;
    for (const task of tasks) {
      const own = this.#at(task.priority);
      if (own !== list) {
        list = own;
        next = own.first;
      }
      while (next && next.order < task.order) next = next.next;
      own.insert(task, next);
      this.#size += 1;
    }
  }

  /** The priorities of its first `most` tasks; empty where all of them have priority 0. */
  wanted(most: number): Wanted[] {
    if (this.#ranks.length === 1 && this.#ranks[0]?.priority === 0) return NONE;
    const wanted: Wanted[] = [];
    let left = most;
    for (const { priority, tasks } of this.#ranks) {
      const count = Math.min(left, tasks.size);
      if (count > 0) wanted.push({ priority, count });
      left -= count;
    }
    return wanted.length === 1 && wanted[0]?.priority === 0 ? NONE : wanted;
  }

  get #firstRank(): Rank | undefined {
    for (const rank of this.#ranks) if (rank.tasks.size > 0) return rank;
    return undefined;
  }

  #at(priority: number): LinkedList<DirectTask> {
    for (const rank of this.#ranks) if (rank.priority === priority) return rank.tasks;
    const rank = new Rank(priority);
    this.#ranks = [...this.#ranks, rank].sort((a, b) => b.priority - a.priority);
    return rank.tasks;
  }
}
