import { AccountIndex } from './account-index.js';
import { Account, LeaseRequest, type LeaseWish } from './account.js';
import type { ClientId, RequestId } from '../ids.js';
import type { Slot } from './registry.js';
import { NO_TAGS, type TagSet } from '../tags.js';

/** Shares are compared since the line was last empty for this long, in ms. */
const CONTENTION_GAP_MS = 1_000;

/**
 * How much longer than others a line has to stand still to count as one priority higher, in ms: long enough that who is
 * more urgent is served first even where tasks take seconds, short enough that nobody waits for hours behind others.
 */
export const AGEING_MS = 30_000;

/** Accounts are swept for idle ones when there are this many, and again when they have doubled since. */
const FIRST_SWEEP = 1_000;

/**
 * Who waits for a lease at one priority and with the same needs, and who is next: the client that has had the least slot time, and within a client the request
 * that came first. Also who has had the most, and holds leases that can be asked back.
 *
 * Slot time is counted within a contention period, which begins when somebody joins a line that was empty for a second:
 * what was used while nobody had to wait is nobody's debt. Within a period, whoever joins the line starts level with the
 * client that was served last, never behind it, so that staying away saves up no claim. (Start-time fair queueing: Goyal,
 * Vin and Cheng, 1996.)
 */
export class WaitingLine {
  readonly #accounts = new Map<ClientId, Account>();
  readonly #waiters = new AccountIndex((a, b) => (a.base !== b.base ? a.base < b.base : a.order < b.order));
  readonly #holders = new AccountIndex((a, b) => a.base > b.base);
  #period = 1;
  #periodStart = 0;
  /** Slot time of the client served last: where those who join now begin. */
  #level = 0;
  #emptySince: number | undefined = Number.NEGATIVE_INFINITY;
  #order = 0;
  #sweepAt = FIRST_SWEEP;
  #size = 0;
  /** Since when it has waited without anybody being served. */
  #stillSince = 0;
  readonly priority: number;
  readonly needs: TagSet;

  constructor(priority: number, needs: TagSet = NO_TAGS) {
    this.priority = priority;
    this.needs = needs;
  }

  /** How many requests wait. */
  get size(): number {
    return this.#size;
  }

  get stillSince(): number {
    return this.#stillSince;
  }

  /** The higher one of two lines is served first: a priority is worth as much as so much longer a wait. */
  get rank(): number {
    return this.priority * AGEING_MS - this.#stillSince;
  }

  /** Whether nobody waits here, or has a lease. */
  get isUnused(): boolean {
    for (const account of this.#accounts.values()) if (!account.isIdle) return false;
    return true;
  }

  /** How many clients wait. */
  get clients(): number {
    return this.#waiters.size;
  }

  /** How many requests of this client wait. */
  waitingOf(client: ClientId): number {
    return this.#accounts.get(client)?.waiting.size ?? 0;
  }

  join(id: RequestId, wish: LeaseWish, now: number): LeaseRequest {
    if (this.#size === 0) this.#stillSince = now;
    if (this.#emptySince !== undefined) {
      if (now - this.#emptySince >= CONTENTION_GAP_MS) this.#beginPeriod(now);
      this.#emptySince = undefined;
    }
    const account = this.#accountOf(wish.client, now);
    const request = new LeaseRequest(id, wish, account, this.#order++, now);
    this.#size += 1;
    account.waiting.push(request);
    if (account.waiting.size > 1) return request;
    account.order = request.order;
    if (account.slotTimeMs(now) < this.#level) {
      this.#holders.remove(account.asHolder);
      account.setSlotTimeMs(this.#level, now);
      if (account.revocable.size > 0) this.#holders.add(account.asHolder);
    }
    this.#waiters.add(account.asWaiter);
    return request;
  }

  /** A caller that no longer waits. */
  withdraw(request: LeaseRequest, now: number): void {
    this.#leave(request, now);
  }

  /** Takes a request out of line and charges its client from now on. */
  serve(request: LeaseRequest, now: number): void {
    const { account } = request;
    this.#level = Math.max(this.#level, account.slotTimeMs(now));
    this.#leave(request, now);
    this.#stillSince = now;
    this.#move(account, () => {
      account.take(now);
      account.order = this.#order++;
    });
  }

  /** A client that was not in line has a lease. */
  charge(client: ClientId, now: number): void {
    const account = this.#accountOf(client, now);
    this.#move(account, () => account.take(now));
  }

  /** A client's lease is over: its time is charged no longer. */
  giveBack(client: ClientId, now: number): void {
    const account = this.#accounts.get(client);
    if (!account) return;
    this.#refresh(account);
    this.#move(account, () => account.giveBack(now));
  }

  /** A slot that its client may be asked to give back. */
  allowRevoking(slot: Slot, client: ClientId): void {
    const account = this.#accounts.get(client);
    if (!account) return;
    account.revocable.push(slot);
    if (account.revocable.size === 1) this.#holders.add(account.asHolder);
  }

  forbidRevoking(slot: Slot, client: ClientId): void {
    const account = this.#accounts.get(client);
    if (!account) return;
    account.revocable.remove(slot);
    if (account.revocable.size === 0) this.#holders.remove(account.asHolder);
  }

  /** The waiting client of least slot time; of equals the one with fewer leases, then the one that came first. */
  first(now: number): Account | undefined {
    if (this.#waiters.size === 0) return undefined;
    return this.#waiters.best((a, b) => {
      const lead = a.slotTimeMs(now) - b.slotTimeMs(now) || a.leases - b.leases || a.order - b.order;
      return lead < 0;
    });
  }

  get hasHolders(): boolean {
    return this.#holders.size > 0;
  }

  /**
   * Clients other than this one with leases that can be asked back: of every number of leases the one that has had most
   * slot time.
   */
  holders(except: ClientId): Account[] {
    return this.#holders.heads(except);
  }

  #leave(request: LeaseRequest, now: number): void {
    const { account } = request;
    this.#size -= 1;
    account.waiting.remove(request);
    if (account.waiting.size === 0) this.#waiters.remove(account.asWaiter);
    if (this.#size === 0) this.#emptySince = now;
  }

  #accountOf(client: ClientId, now: number): Account {
    let account = this.#accounts.get(client);
    if (!account) {
      this.#forgetIdle(now);
      account = new Account(client, this);
      account.period = this.#period;
      this.#accounts.set(client, account);
    }
    this.#refresh(account);
    return account;
  }

  /** An account takes notice of a new period when it is next touched; what it holds is charged from its beginning. */
  #refresh(account: Account): void {
    if (account.period === this.#period) return;
    account.period = this.#period;
    this.#holders.remove(account.asHolder);
    account.setSlotTimeMs(0, this.#periodStart);
    if (account.revocable.size > 0) this.#holders.add(account.asHolder);
  }

  #beginPeriod(now: number): void {
    this.#period += 1;
    this.#periodStart = now;
    this.#level = 0;
    // Those who hold leases are compared with whoever waits, so they take notice at once.
    for (const account of [...this.#accounts.values()]) if (account.leases > 0) this.#refresh(account);
  }

  #move(account: Account, change: () => void): void {
    this.#waiters.remove(account.asWaiter);
    this.#holders.remove(account.asHolder);
    change();
    if (account.waiting.size > 0) this.#waiters.add(account.asWaiter);
    if (account.revocable.size > 0) this.#holders.add(account.asHolder);
  }

  /** An idle account at or below the level says nothing: its client would start at the level anyway. */
  #forgetIdle(now: number): void {
    if (this.#accounts.size < this.#sweepAt) return;
    for (const [client, account] of this.#accounts) {
      if (!account.isIdle) continue;
      if (account.period < this.#period || account.slotTimeMs(now) <= this.#level)
        this.#accounts.delete(client);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#accounts.size);
  }
}
