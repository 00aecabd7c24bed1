import type { SlotLease__Output } from '../wire/generated/offhand/v1/SlotLease.js';
import { SlotLink } from './slot-link.js';
import { WorkerLink } from './worker-link.js';

/** A client's connections to the workers it has leases on: one per slot, and one per worker where it is needed. */
export class WorkerConnections {
  readonly #token: string | undefined;
  /** By incarnation. */
  readonly #workers = new Map<string, { worker: WorkerLink; slots: Map<string, SlotLink> }>();

  constructor(token: string | undefined) {
    this.#token = token;
  }

  of({ workerId, host, port, slotAddress }: SlotLease__Output): { slot: SlotLink; worker: WorkerLink } {
    let known = this.#workers.get(workerId);
    if (!known) {
      known = { worker: new WorkerLink({ host, port }, this.#token), slots: new Map() };
      this.#workers.set(workerId, known);
    }
    let slot = known.slots.get(slotAddress);
    if (!slot) {
      slot = new SlotLink(slotAddress, this.#token);
      known.slots.set(slotAddress, slot);
    }
    return { slot, worker: known.worker };
  }

  /** Hangs up on all of them; the connections stay. */
  rest(): void {
    for (const { slots } of this.#workers.values()) for (const slot of slots.values()) slot.rest();
  }

  close(): void {
    for (const { worker, slots } of this.#workers.values()) {
      worker.close();
      for (const slot of slots.values()) slot.close();
    }
  }
}
