import { Heap } from '../heap.js';
import type { Expiry, Slot } from './registry.js';

/** When leases end unless they are renewed. A lease in use has no expiry: the code that runs under it renews it. */
export class Expiries {
  readonly #heap = new Heap<Expiry>((a, b) => a.at < b.at);

  /** @param at undefined for never. */
  set({ expiry }: Slot, at: number | undefined): void {
    this.#heap.remove(expiry);
    if (at === undefined) return;
    expiry.at = at;
    this.#heap.push(expiry);
  }

  get nextAt(): number | undefined {
    return this.#heap.peek()?.at;
  }

  /** A slot whose lease should have ended; it stays due until its expiry is set anew. */
  due(now: number): Slot | undefined {
    const next = this.#heap.peek();
    return next && next.at <= now ? next.slot : undefined;
  }
}
