import type { LeaseWish } from './account.js';
import { Heap } from './heap.js';
import type { Slot } from './registry.js';

/** Chooses a worker for whoever is next. It is told of every slot that becomes free or ceases to be. */
export interface PlacementPolicy {
  add(slot: Slot): void;
  remove(slot: Slot): void;
  /** Takes the slot to be leased to whoever wishes this, or undefined where none will do. */
  take(wish: LeaseWish): Slot | undefined;
}

/** The first worker that has a free slot, by rank; its first free slot. */
export class FirstFree implements PlacementPolicy {
  readonly #free = new Heap<Slot>((a, b) =>
    a.worker.rank !== b.worker.rank ? a.worker.rank < b.worker.rank : a.index < b.index,
  );

  add(slot: Slot): void {
    this.#free.push(slot);
  }

  remove(slot: Slot): void {
    this.#free.remove(slot);
  }

  take(): Slot | undefined {
    return this.#free.pop();
  }
}
