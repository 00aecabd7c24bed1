import { Heap, type HeapItem } from '../heap.js';
import type { WorkerRecord } from './registry.js';

/** A worker's place in a {@link WorkIndex}. */
export interface LoadEntry extends HeapItem {
  readonly load: Load;
}

/** A task that runs, and when it is expected to have ended. */
export interface Expected extends HeapItem {
  readonly load: Load;
  endAt: number;
}

/**
 * The work that one worker has left: what runs there, as long as it is not overdue, and what waits for it.
 *
 * It shrinks by itself as time passes, by 1 ms per ms for each task that runs on time: at the instant t it is
 * `base - running * t`. Workers on which equally many tasks run therefore keep their order.
 */
export class Load {
  readonly worker: WorkerRecord;
  base = 0;
  /** Tasks that run and are not overdue. */
  running = 0;
  /** Of its worker, as it was when that last became free. */
  speed = 1;
  readonly asOpen: LoadEntry = { load: this, heapIndex: -1 };
  readonly asFree: LoadEntry = { load: this, heapIndex: -1 };

  constructor(worker: WorkerRecord) {
    this.worker = worker;
  }

  /** Of each of its slots, in ms: for how long the worker has something to do. */
  remainingMs(now: number): number {
    return Math.max(0, this.base - this.running * now) / this.worker.slots.length;
  }
}

/** Whether a worker has less to do than another; of those that have equally much, the faster one, then that of lower rank. */
export function hasLess(a: Load, b: Load, now: number): boolean {
  return isLess(a, b, a.remainingMs(now), b.remainingMs(now));
}

function isLess(a: Load, b: Load, workOfA: number, workOfB: number): boolean {
  if (workOfA !== workOfB) return workOfA < workOfB;
  return a.speed !== b.speed ? a.speed > b.speed : a.worker.rank < b.worker.rank;
}

/** Workers by the work that they have left. A load must be out of the index while its figures change. */
export class WorkIndex {
  /** By the number of slots, and of tasks that run. */
  readonly #groups = new Map<number, Heap<LoadEntry>>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  add(entry: LoadEntry): void {
    const key = groupOf(entry.load);
    let group = this.#groups.get(key);
    if (!group) {
      group = new Heap<LoadEntry>((a, b) => isLess(a.load, b.load, a.load.base, b.load.base));
      this.#groups.set(key, group);
    }
    group.push(entry);
  }

  remove(entry: LoadEntry): void {
    if (entry.heapIndex < 0) return;
    const key = groupOf(entry.load);
    const group = this.#groups.get(key);
    group?.remove(entry);
    if (group?.size === 0) this.#groups.delete(key);
  }

  /** Of those of equally many slots and running tasks the one with the least work: who has least of all is among them. */
  *heads(): Iterable<Load> {
    for (const group of this.#groups.values()) {
      const head = group.peek();
      if (head) yield head.load;
    }
  }

  /** Of each of these groups so many, the least first. */
  *few(most: number): Iterable<Load> {
    for (const group of this.#groups.values()) for (const { load } of group.few(most)) yield load;
  }
}

const MAX_SLOTS = 1_024;

function groupOf({ worker, running }: Load): number {
  return worker.slots.length * MAX_SLOTS + running;
}
