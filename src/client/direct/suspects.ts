import { LinkedList } from '../../core/linked-list.js';
import type { DirectTask } from './direct-task.js';
import type { HeldLease } from './held-lease.js';

/**
 * Tasks that may have cost a worker, and the leases that they are tried again under, each on a worker that runs nothing else
 * meanwhile. One after the other goes under such a lease, each when the one before it is through: what is lost there was one
 * task, and many innocent ones take no longer than they run.
 */
export class Suspects {
  readonly #line = new LinkedList<DirectTask>();
  readonly #leases = new Map<number, HeldLease>();

  /** How many wait. */
  get size(): number {
    return this.#line.size;
  }

  push(task: DirectTask): void {
    this.#line.push(task);
  }

  /** Does nothing where it does not wait here. */
  remove(task: DirectTask): void {
    this.#line.remove(task);
  }

  granted(lease: HeldLease): void {
    this.#leases.set(lease.epoch, lease);
  }

  find(epoch: number): HeldLease | undefined {
    return this.#leases.get(epoch);
  }

  /** False where the lease is none of these. */
  drop({ epoch }: HeldLease): boolean {
    return this.#leases.delete(epoch);
  }

  /** All of them; they are no longer known here. */
  takeLeases(): HeldLease[] {
    const leases = [...this.#leases.values()];
    this.#leases.clear();
    return leases;
  }

  /** Sends the next under every lease that is through with the one before, and ends those that nobody waits for. */
  pump(): void {
    for (const lease of [...this.#leases.values()]) {
      if (!lease.isIdle) continue;
      const next = new LinkedList<DirectTask>();
      const task = this.#line.shift();
      if (!task) {
        lease.end();
        continue;
      }
      next.push(task);
      lease.fill(next, 1);
    }
  }
}
