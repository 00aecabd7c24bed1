import type { LeaseWish } from './account.js';
import { Speed } from './estimates.js';
import type { HeapItem } from '../heap.js';
import type { WorkerId } from '../ids.js';
import type { LeaseKey, SlotState } from './lease.js';
import type { ListItem } from '../linked-list.js';
import type { GrantReason } from './reason.js';
import type { TagSet } from '../tags.js';

/** Slots that one worker may have. */
export const MAX_SLOTS = 256;

/** When the lease of a slot ends unless it is renewed. */
export interface Expiry extends HeapItem {
  readonly slot: Slot;
  at: number;
}

/** What a lease was granted for, or is used for since. */
export interface SlotUse {
  readonly wish: LeaseWish;
  readonly since: number;
  /** How long it is expected to take on this worker, in ms; undefined where nobody knows. */
  readonly expectedMs: number | undefined;
}

/** Room in a worker for one attempt at a time. */
export class Slot implements HeapItem, ListItem<Slot> {
  heapIndex = -1;
  list: unknown = undefined;
  previous: Slot | undefined = undefined;
  next: Slot | undefined = undefined;
  state: SlotState = { kind: 'free' };
  readonly worker: WorkerRecord;
  readonly index: number;
  /** Of the newest lease; 0 before the first. */
  epoch = 0;
  /** What its lease is used for, as far as is known. */
  use: SlotUse | undefined = undefined;
  /** Why it was granted to whom it was granted last. */
  reason: GrantReason | undefined = undefined;
  readonly expiry: Expiry = { heapIndex: -1, slot: this, at: 0 };

  constructor(worker: WorkerRecord, index: number) {
    this.worker = worker;
    this.index = index;
  }

  get key(): LeaseKey {
    return { worker: this.worker.id, slot: this.index, epoch: this.epoch };
  }
}

export class WorkerRecord {
  phase: 'running' | 'draining' = 'running';
  /** Whether it may come back, or is lost. */
  isAway = false;
  /** Whether it is lost. */
  isGone = false;
  /** Whether it is kept for one lease, beside which nothing else runs. */
  isReserved = false;
  readonly id: WorkerId;
  /** Workers of lower rank come first where the policy has no preference. */
  readonly rank: number;
  readonly tags: TagSet;
  readonly speed = new Speed();
  readonly slots: Slot[];

  constructor(id: WorkerId, rank: number, slots: number, tags: TagSet) {
    this.id = id;
    this.rank = rank;
    this.tags = tags;
    this.slots = Array.from({ length: slots }, (_, index) => new Slot(this, index));
  }

  /** Whether its free slots may be granted to anybody. */
  get isOpen(): boolean {
    return this.phase === 'running' && !this.isAway && !this.isGone && !this.isReserved;
  }

  /** Slots that are not free. */
  get taken(): number {
    return this.slots.filter((slot) => slot.state.kind !== 'free').length;
  }

  /** A worker is busy when no slot is free. */
  get isBusy(): boolean {
    return this.slots.every((slot) => slot.state.kind !== 'free');
  }
}

/** The workers that are attached, by id. */
export class Registry {
  readonly #workers = new Map<WorkerId, WorkerRecord>();

  add(worker: WorkerRecord): void {
    this.#workers.set(worker.id, worker);
  }

  get(id: WorkerId): WorkerRecord | undefined {
    return this.#workers.get(id);
  }

  values(): Iterable<WorkerRecord> {
    return this.#workers.values();
  }

  remove(id: WorkerId): void {
    const worker = this.#workers.get(id);
    if (worker) worker.isGone = true;
    this.#workers.delete(id);
  }

  /** The slot that this lease is for, if it is the slot's newest one. */
  slotOf(lease: LeaseKey): Slot | undefined {
    const slot = this.#workers.get(lease.worker)?.slots[lease.slot];
    return slot?.epoch === lease.epoch ? slot : undefined;
  }
}
