import type { LeaseRequest, LeaseWish } from '../scheduler/account.js';
import type { HeapItem } from '../heap.js';
import { type ClientId, clientId } from '../ids.js';
import type { TaskFacts, Verdict } from './task.js';

/**
 * Where an unsettled task is. `blocked`: those it comes after are not through. `delayed`: its time has not come. `parked`:
 * its group is full. `ready`: in line. `offered`: with all coordinators that share its store, until one
 * takes it and says what came of it. `claimed`: with the dispatcher. `settling`: its outcome is decided, and being stored.
 */
export type EntryPhase = 'blocked' | 'delayed' | 'parked' | 'ready' | 'offered' | 'claimed' | 'settling';

/** A limit of a task that waits to be reached. */
export interface EntryLimit extends HeapItem {
  readonly entry: Entry;
  readonly kind: 'queue-timeout' | 'deadline-exceeded';
  at: number;
}

/** One unsettled task, as the queue holds it. Kept small: there may be a million. It is its own wish for a place in line. */
export class Entry implements HeapItem, LeaseWish {
  /** In the heap of the delayed, or of those parked in its group. */
  heapIndex = -1;
  phase: EntryPhase = 'ready';
  request: LeaseRequest | undefined = undefined;
  /** When it may begin again, of one that was given back. */
  againAt: number | undefined = undefined;
  /** Whether a worker has it; of a claimed one only. */
  isRunning = false;
  /** How many tasks it still comes after. */
  waitsFor = 0;
  /** For how long it had stood in line when it was taken out of it last, in ms. */
  lineMs = 0;
  /** Tasks that come after it. */
  dependents: Entry[] | undefined = undefined;
  limits: EntryLimit[] | undefined = undefined;
  /** Rises with every task. */
  readonly order: number;
  readonly facts: TaskFacts;
  /** Whether it is another coordinator's to decide about, and is here to run, or because others come after it. */
  isGuest = false;
  /** How it is to end, while that is being stored. */
  ending: Verdict | undefined = undefined;

  constructor(facts: TaskFacts, order: number) {
    this.facts = facts;
    this.order = order;
  }

  get notBefore(): number {
    return this.againAt ?? this.facts.notBefore;
  }

  get client(): ClientId {
    return clientId(this.facts.client);
  }

  get priority(): number {
    return this.facts.priority;
  }

  get bySession(): boolean {
    return true;
  }
}
