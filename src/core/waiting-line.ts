import { Account, type LeaseRequest } from './account.js';
import { Heap } from './heap.js';
import type { ClientId, RequestId } from './ids.js';

/** Shares are compared since the line was last empty for this long, in ms. */
export const CONTENTION_GAP_MS = 1_000;

/** Accounts are swept for idle ones when there are this many, and again when they have doubled since. */
const FIRST_SWEEP = 1_000;

/**
 * Who waits for a lease, and who is next: the client that has had the least slot time, and within a client the request
 * that came first.
 *
 * Slot time is counted within a contention period, which begins when somebody joins a line that was empty for a second:
 * what was used while nobody had to wait is nobody's debt. Within a period, whoever joins the line starts level with the
 * client that was served last, never behind it, so that staying away saves up no claim. (Start-time fair queueing: Goyal,
 * Vin and Cheng, 1996.)
 */
export class WaitingLine {
  readonly #accounts = new Map<ClientId, Account>();
  readonly #requests = new Map<RequestId, LeaseRequest>();
  /** Waiting accounts by the number of leases they hold; within a heap the order never changes by itself. */
  readonly #byLeases = new Map<number, Heap<Account>>();
  #period = 1;
  #periodStart = 0;
  /** Slot time of the client served last: where those who join now begin. */
  #level = 0;
  #emptySince: number | undefined = Number.NEGATIVE_INFINITY;
  #order = 0;
  #sweepAt = FIRST_SWEEP;

  get size(): number {
    return this.#requests.size;
  }

  join(id: RequestId, client: ClientId, now: number): void {
    if (this.#emptySince !== undefined) {
      if (now - this.#emptySince >= CONTENTION_GAP_MS) this.#beginPeriod(now);
      this.#emptySince = undefined;
    }
    const account = this.#accountOf(client, now);
    const request: LeaseRequest = { id, account, order: this.#order++, heapIndex: -1 };
    this.#requests.set(id, request);
    account.waiting.push(request);
    if (account.waiting.size > 1) return;
    account.order = request.order;
    if (account.slotTimeMs(now) < this.#level) account.setSlotTimeMs(this.#level, now);
    this.#group(account);
  }

  /** A caller that no longer waits. Unknown ones are ignored: they were served in the meantime. */
  withdraw(id: RequestId, now: number): void {
    const request = this.#requests.get(id);
    if (request) this.#leave(request, now);
  }

  /** Takes the request that is next and charges its client from now on. */
  next(now: number): LeaseRequest | undefined {
    const account = this.#first(now);
    const request = account?.waiting.peek();
    if (!account || !request) return undefined;
    this.#level = Math.max(this.#level, account.slotTimeMs(now));
    this.#leave(request, now);
    this.#move(account, () => {
      account.take(now);
      account.order = this.#order++;
    });
    return request;
  }

  /** A client's lease is over: its time is charged no longer. */
  giveBack(client: ClientId, now: number): void {
    const account = this.#accounts.get(client);
    if (!account) return;
    this.#refresh(account);
    this.#move(account, () => account.giveBack(now));
  }

  /** The waiting client of least slot time; of equals the one with fewer leases, then the one that came first. */
  #first(now: number): Account | undefined {
    let first: Account | undefined;
    for (const group of this.#byLeases.values()) {
      const account = group.peek();
      if (!account) continue;
      const order = first
        ? account.slotTimeMs(now) - first.slotTimeMs(now) ||
          account.leases - first.leases ||
          account.order - first.order
        : -1;
      if (order < 0) first = account;
    }
    return first;
  }

  #leave(request: LeaseRequest, now: number): void {
    const { account } = request;
    this.#requests.delete(request.id);
    account.waiting.remove(request);
    if (account.waiting.size === 0) this.#ungroup(account);
    if (this.#requests.size === 0) this.#emptySince = now;
  }

  #accountOf(client: ClientId, now: number): Account {
    let account = this.#accounts.get(client);
    if (!account) {
      this.#forgetIdle(now);
      account = new Account(client);
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
    account.setSlotTimeMs(0, this.#periodStart);
  }

  #beginPeriod(now: number): void {
    this.#period += 1;
    this.#periodStart = now;
    this.#level = 0;
  }

  #group(account: Account): void {
    let group = this.#byLeases.get(account.leases);
    if (!group) {
      group = new Heap<Account>((a, b) => (a.base !== b.base ? a.base < b.base : a.order < b.order));
      this.#byLeases.set(account.leases, group);
    }
    group.push(account);
  }

  #ungroup(account: Account): void {
    const group = this.#byLeases.get(account.leases);
    group?.remove(account);
    if (group?.size === 0) this.#byLeases.delete(account.leases);
  }

  #move(account: Account, change: () => void): void {
    const isWaiting = account.waiting.size > 0;
    if (isWaiting) this.#ungroup(account);
    change();
    if (isWaiting) this.#group(account);
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
