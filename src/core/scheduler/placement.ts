import type { Account, LeaseRequest } from './account.js';
import { Heap, type HeapItem } from '../heap.js';
import type { Slot, WorkerRecord } from './registry.js';
import { fits, type TagSet } from '../tags.js';

/** Sets of needs whose workers are remembered. */
const MAX_KNOWN = 10_000;

export const POLICIES = ['first-free', 'least-remaining', 'round-robin'] as const;
/** How a worker is chosen. */
export type PolicyName = (typeof POLICIES)[number];

/** A request and the slot that it gets. */
export interface Placed {
  request: LeaseRequest;
  slot: Slot;
}

/** Work that a worker is expected to have left, in ms. */
export interface RemainingWork {
  worker: WorkerRecord;
  remainingMs: number;
}

/**
 * Chooses who of a client whose turn it is gets which slot. It is told of every slot that becomes free for anybody or
 * ceases to be; one that looks ahead also of what runs and of what waits.
 */
export interface PlacementPolicy {
  readonly name: PolicyName;
  /** A slot is free for anybody. */
  add(slot: Slot): void;
  /** Does nothing where it was not. */
  remove(slot: Slot): void;
  /** Whether a slot is free that will do: asked far more often than there is one. */
  hasFree(needs: TagSet): boolean;
  /** Takes a slot for one of the client's requests, or none where none will do. */
  take(account: Account, now: number): Placed | undefined;
  /** What it has to go by besides. */
  readonly plan?: Plan;
}

/** What a policy that looks ahead is told. Durations are those on this worker. */
export interface Plan {
  /** The worker's slots are granted from now on, or no more. */
  open(worker: WorkerRecord, now: number): void;
  close(worker: WorkerRecord, now: number): void;
  /** A lease begins on the slot, and its task is expected to take so long. Also of one that goes on to another task. */
  began(slot: Slot, expectedMs: number, now: number): void;
  ended(slot: Slot, now: number): void;
  /** A request has to wait: chooses the worker that it is for. @param workMs on an average worker. */
  bind(request: LeaseRequest, workMs: number, now: number): void;
  /** It waits no more. */
  unbind(request: LeaseRequest): void;
  /** The worker it is for, as long as it waits. */
  workerOf(request: LeaseRequest | undefined): WorkerRecord | undefined;
  /** Who has how much to do: the first `most` of those that fit, the least first. */
  least(needs: TagSet, most: number, now: number): RemainingWork[];
}

/** One index of something for each set of tags that workers have. */
export class ByTags<T> {
  readonly #indexes = new Map<string, { tags: TagSet; index: T }>();
  #all: readonly T[] = [];
  /** Those that fit, by what is needed: there are few sets of tags, and each is asked for again and again. */
  readonly #fitting = new Map<string, readonly T[]>();
  readonly #make: () => T;

  constructor(make: () => T) {
    this.#make = make;
  }

  of({ tags }: WorkerRecord): T {
    let entry = this.#indexes.get(tags.key);
    if (!entry) {
      entry = { tags, index: this.#make() };
      this.#indexes.set(tags.key, entry);
      this.#all = [...this.#all, entry.index];
      this.#fitting.clear();
    }
    return entry.index;
  }

  /** Of the workers that fit. */
  fitting(needs: TagSet): readonly T[] {
    if (needs.key === '') return this.#all;
    let fitting = this.#fitting.get(needs.key);
    if (!fitting) {
      if (this.#fitting.size >= MAX_KNOWN) this.#fitting.clear();
      fitting = [...this.#indexes.values()].filter(({ tags }) => fits(tags, needs)).map(({ index }) => index);
      this.#fitting.set(needs.key, fitting);
    }
    return fitting;
  }
}

/** The first worker that has a free slot, by rank; its first free slot. */
export class FirstFree implements PlacementPolicy {
  readonly name = 'first-free';
  readonly #free = new ByTags(() => new Heap<Slot>(isFirst));

  add(slot: Slot): void {
    this.#free.of(slot.worker).push(slot);
  }

  remove(slot: Slot): void {
    this.#free.of(slot.worker).remove(slot);
  }

  hasFree(needs: TagSet): boolean {
    return this.#free.fitting(needs).some(({ size }) => size > 0);
  }

  take({ needs, waiting: { first: request } }: Account): Placed | undefined {
    let best: Slot | undefined;
    for (const free of this.#free.fitting(needs)) {
      const slot = free.peek();
      if (slot && (!best || isFirst(slot, best))) best = slot;
    }
    if (!best || !request) return undefined;
    this.remove(best);
    return { request, slot: best };
  }
}

function isFirst(a: Slot, b: Slot): boolean {
  return a.worker.rank !== b.worker.rank ? a.worker.rank < b.worker.rank : a.index < b.index;
}

/** A worker whose turn comes. */
interface Turn extends HeapItem {
  readonly worker: WorkerRecord;
  readonly free: Heap<Slot>;
  /** When it had its last one; 0 for never. */
  turn: number;
}

/** The worker with a free slot whose last grant was longest ago; its first free slot. */
export class RoundRobin implements PlacementPolicy {
  readonly name = 'round-robin';
  readonly #turns = new Map<WorkerRecord, Turn>();
  readonly #free = new ByTags(() => new Heap<Turn>(isBefore));
  #count = 0;

  add(slot: Slot): void {
    let entry = this.#turns.get(slot.worker);
    if (!entry) {
      entry = { heapIndex: -1, worker: slot.worker, free: new Heap<Slot>(isFirst), turn: 0 };
      this.#turns.set(slot.worker, entry);
    }
    entry.free.push(slot);
    if (entry.free.size === 1) this.#free.of(slot.worker).push(entry);
  }

  remove(slot: Slot): void {
    const entry = this.#turns.get(slot.worker);
    entry?.free.remove(slot);
    if (entry?.free.size !== 0) return;
    this.#free.of(slot.worker).remove(entry);
    if (slot.worker.isGone) this.#turns.delete(slot.worker);
  }

  hasFree(needs: TagSet): boolean {
    return this.#free.fitting(needs).some(({ size }) => size > 0);
  }

  take({ needs, waiting: { first: request } }: Account): Placed | undefined {
    let best: Turn | undefined;
    for (const free of this.#free.fitting(needs)) {
      const entry = free.peek();
      if (entry && (!best || isBefore(entry, best))) best = entry;
    }
    const slot = best?.free.pop();
    if (!best || !slot || !request) return undefined;
    this.#free.of(best.worker).remove(best);
    best.turn = ++this.#count;
    if (best.free.size > 0) this.#free.of(best.worker).push(best);
    return { request, slot };
  }
}

function isBefore(a: Turn, b: Turn): boolean {
  return a.turn !== b.turn ? a.turn < b.turn : a.worker.rank < b.worker.rank;
}
