import type { Account, AccountEntry } from './account.js';
import { Heap } from '../heap.js';
import type { ClientId } from '../ids.js';

/**
 * Accounts by their slot time, which grows as time passes: kept in one heap per number of leases held, within which the
 * order never changes by itself. An account must be out of the index while its figures change.
 */
export class AccountIndex {
  readonly #groups = new Map<number, Heap<AccountEntry>>();
  readonly #isBefore: (a: AccountEntry, b: AccountEntry) => boolean;
  #size = 0;

  /** @param isBefore says which of two accounts of equally many leases comes first. */
  constructor(isBefore: (a: Account, b: Account) => boolean) {
    this.#isBefore = (a, b) => isBefore(a.account, b.account);
  }

  get size(): number {
    return this.#size;
  }

  add(entry: AccountEntry): void {
    const { leases } = entry.account;
    let group = this.#groups.get(leases);
    if (!group) {
      group = new Heap<AccountEntry>(this.#isBefore);
      this.#groups.set(leases, group);
    }
    group.push(entry);
    this.#size += 1;
  }

  remove(entry: AccountEntry): void {
    if (entry.heapIndex < 0) return;
    const { leases } = entry.account;
    const group = this.#groups.get(leases);
    group?.remove(entry);
    if (group?.size === 0) this.#groups.delete(leases);
    this.#size -= 1;
  }

  /** Of the accounts that come first among their likes (one per number of leases held), the one that comes before all others. */
  best(isBefore: (a: Account, b: Account) => boolean): Account | undefined {
    let best: Account | undefined;
    for (const group of this.#groups.values()) {
      const head = group.peek()?.account;
      if (head && (!best || isBefore(head, best))) best = head;
    }
    return best;
  }

  /** Of every number of leases the account that comes first, but for those of one client. */
  heads(except: ClientId): Account[] {
    const heads: Account[] = [];
    for (const group of this.#groups.values()) {
      const first = group.peek()?.account;
      const head = first?.client === except ? group.peekSecond()?.account : first;
      if (head) heads.push(head);
    }
    return heads;
  }
}
