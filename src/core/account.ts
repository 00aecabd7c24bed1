import { Heap, type HeapItem } from './heap.js';
import type { ClientId, RequestId } from './ids.js';

/** One wait for a lease. */
export interface LeaseRequest extends HeapItem {
  readonly id: RequestId;
  readonly account: Account;
  /** Rises with every request: first come, first served within a client. */
  readonly order: number;
}

/**
 * What one client has used and what it waits for.
 *
 * Slot time grows with every lease held, so at the instant t it is `base + leases * t`: taking a lease at t subtracts t
 * from the base, giving it back adds t. Clients that hold equally many leases therefore keep their order as time passes,
 * and only taking or giving back a lease moves one.
 */
export class Account implements HeapItem {
  heapIndex = -1;
  leases = 0;
  base = 0;
  /** The contention period the figures belong to. */
  period = 0;
  /** When it began to wait: settles ties. */
  order = 0;
  readonly waiting = new Heap<LeaseRequest>((a, b) => a.order < b.order);

  readonly client: ClientId;

  constructor(client: ClientId) {
    this.client = client;
  }

  slotTimeMs(now: number): number {
    return this.base + this.leases * now;
  }

  setSlotTimeMs(slotTimeMs: number, now: number): void {
    this.base = slotTimeMs - this.leases * now;
  }

  take(now: number): void {
    this.leases += 1;
    this.base -= now;
  }

  giveBack(now: number): void {
    this.leases -= 1;
    this.base += now;
  }

  get isIdle(): boolean {
    return this.leases === 0 && this.waiting.size === 0;
  }
}
