import type { HeapItem } from '../heap.js';
import type { ClientId, RequestId, WorkerId } from '../ids.js';
import { LinkedList, type ListItem } from '../linked-list.js';
import type { Slot } from './registry.js';
import type { TagSet } from '../tags.js';

/** What a lease is asked for with: all that the decision about it may depend on. */
export interface LeaseWish {
  readonly client: ClientId;
  /** Whether a session asks: its lease lives until it is given back or revoked. Any other ends when it is not used. */
  readonly bySession: boolean;
  /** Whether the worker is to run nothing else meanwhile. */
  readonly alone?: boolean;
  /** The one worker that will do. */
  readonly worker?: WorkerId | undefined;
  /** A whole number, higher first; 0 where it is left out. */
  readonly priority?: number;
  /** Tags that the worker has to have. */
  readonly needs?: TagSet;
  /** The function that is to run: how long it takes is learnt by this name. */
  readonly fn?: string | undefined;
  /** How long it is expected to take on an average worker, in ms. */
  readonly expectedMs?: number | undefined;
}

/** One wait for a lease. */
export class LeaseRequest implements ListItem<LeaseRequest> {
  list: unknown = undefined;
  previous: LeaseRequest | undefined = undefined;
  next: LeaseRequest | undefined = undefined;
  readonly id: RequestId;
  readonly wish: LeaseWish;
  readonly account: Account;
  /** Rises with every request. */
  readonly order: number;
  readonly since: number;
  /** How many of its priority or higher waited when it came. */
  ahead = 0;

  constructor(id: RequestId, wish: LeaseWish, account: Account, order: number, since: number) {
    this.id = id;
    this.wish = wish;
    this.account = account;
    this.order = order;
    this.since = since;
  }

  get isWaiting(): boolean {
    return this.list !== undefined;
  }
}

/** An account's place in an {@link AccountIndex}. */
export interface AccountEntry extends HeapItem {
  readonly account: Account;
}

/**
 * What one client has used at one priority and with the same needs, and what it waits for there.
 *
 * Slot time grows with every lease held, so at the instant t it is `base + leases * t`: taking a lease at t subtracts t
 * from the base, giving it back adds t. Clients that hold equally many leases therefore keep their order as time passes,
 * and only taking or giving back a lease moves one.
 */
export class Account {
  leases = 0;
  base = 0;
  /** The contention period the figures belong to. */
  period = 0;
  /** When it began to wait: settles ties. */
  order = 0;
  /** First come, first served within a client. */
  readonly waiting = new LinkedList<LeaseRequest>();
  /** Slots it holds that can be asked back, those it has held longest first. */
  readonly revocable = new LinkedList<Slot>();
  readonly asWaiter: AccountEntry = { account: this, heapIndex: -1 };
  readonly asHolder: AccountEntry = { account: this, heapIndex: -1 };

  readonly client: ClientId;
  readonly priority: number;
  readonly needs: TagSet;

  constructor(client: ClientId, { priority, needs }: { priority: number; needs: TagSet }) {
    this.client = client;
    this.priority = priority;
    this.needs = needs;
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
