import type { PoolError } from '../../core/errors.js';
import type { Credentials } from '../../wire/credentials.js';
import type { SlotLease__Output } from '../../wire/generated/offhand/v1/SlotLease.js';
import { SlotLink } from './slot-link.js';
import { WorkerLink } from './worker-link.js';

interface Connections {
  readonly workerId: string;
  readonly worker: WorkerLink;
  readonly slots: Map<string, SlotLink>;
}

/** Tells how a worker that is gone has ended; rejects where nobody knows. */
export type ExplainLoss = (workerId: string) => Promise<PoolError>;

/** A client's connections to the workers it has leases on: one per slot, and one per worker where it is needed. */
export class WorkerConnections {
  readonly #credentials: Credentials;
  readonly #explainLoss: ExplainLoss;
  /** By the worker's name, which outlives its process. */
  readonly #workers = new Map<string, Connections>();

  constructor(credentials: Credentials, explainLoss: ExplainLoss) {
    this.#credentials = credentials;
    this.#explainLoss = explainLoss;
  }

  of({ workerId, worker: name, host, port, slotAddress }: SlotLease__Output): {
    slot: SlotLink;
    worker: WorkerLink;
  } {
    let known = this.#workers.get(name);
    if (known?.workerId !== workerId) {
      const before = known;
      const explainLoss = () => this.#explainLoss(workerId);
      const worker = new WorkerLink({ host, port }, this.#credentials, explainLoss);
      known = { workerId, worker, slots: new Map() };
      this.#workers.set(name, known);
      // Of the process that was there before; what is still under way there ends by itself.
      if (before && [...before.slots.values()].every((slot) => slot.isUnused)) close(before);
    }
    let slot = known.slots.get(slotAddress);
    if (!slot) {
      slot = new SlotLink(slotAddress, name, this.#credentials);
      known.slots.set(slotAddress, slot);
    }
    return { slot, worker: known.worker };
  }

  /** Values that were put are needed no more. Never rejects: a worker that does not hear it drops them by itself in time. */
  async drop(ids: string[]): Promise<void> {
    await Promise.all([...this.#workers.values()].map(({ worker }) => worker.dropValues(ids)));
  }

  /** Hangs up on all of them; the connections stay. */
  rest(): void {
    for (const { slots } of this.#workers.values()) for (const slot of slots.values()) slot.rest();
  }

  close(): void {
    for (const connections of this.#workers.values()) close(connections);
  }
}

function close({ worker, slots }: Connections): void {
  worker.close();
  for (const slot of slots.values()) slot.close();
}
