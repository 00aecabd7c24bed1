import type { HeldLease } from './held-lease.js';

/** Leases that get no more tasks: they see through those that they have. */
export class EndingLeases {
  readonly #leases = new Map<number, HeldLease>();
  /** Granted by another coordinator, which was there before this one. Their epochs are none of this one's. */
  readonly #foreign = new Set<HeldLease>();

  add(lease: HeldLease): void {
    if (!this.#foreign.has(lease)) this.#leases.set(lease.epoch, lease);
  }

  remove(lease: HeldLease): void {
    if (!this.#foreign.delete(lease)) this.#leases.delete(lease.epoch);
  }

  /** Of this coordinator. */
  of(epoch: number): HeldLease | undefined {
    return this.#leases.get(epoch);
  }

  /** Those of this coordinator. */
  get own(): Iterable<HeldLease> {
    return this.#leases.values();
  }

  isForeign(lease: HeldLease): boolean {
    return this.#foreign.has(lease);
  }

  /** Another coordinator is there: nothing more begins under any lease of the one before. @param held those that could still be used */
  takeOver(held: Map<number, HeldLease>): void {
    const all = [...held.values(), ...this.#leases.values()];
    held.clear();
    this.#leases.clear();
    for (const lease of all) {
      if (!lease.isIdle) {
        this.#foreign.add(lease);
        void lease.watch();
      }
      lease.end();
    }
  }
}
