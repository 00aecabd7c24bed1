import type { Wanted__Output } from '../wire/generated/offhand/v1/Wanted.js';
import { checkPriority } from '../core/wishes.js';
import { PoolError } from '../core/errors.js';

/** At which priorities a session wants its leases, as far as it has said; all others at 0. */
export class WantedLeases {
  #counts = new Map<number, number>();

  /** Replaces what was said before. @throws PoolError `invalid-argument` */
  set(wanted: readonly Wanted__Output[]): void {
    for (const { priority } of wanted) checkPriority(priority, 'wanted.priority');
    this.#counts = new Map(wanted.map(({ priority, count }) => [priority, count]));
    if (this.#counts.size === wanted.length) return;
    throw new PoolError('invalid-argument', 'wanted: expected each priority once');
  }

  /** One of them is there. */
  granted(priority: number): void {
    const count = this.#counts.get(priority) ?? 0;
    if (count > 1) this.#counts.set(priority, count - 1);
    else this.#counts.delete(priority);
  }

  /** One that was there is gone: until the session says otherwise, another is wanted for the same tasks. */
  ended(priority: number): void {
    if (priority !== 0 || this.#counts.size > 0)
      this.#counts.set(priority, (this.#counts.get(priority) ?? 0) + 1);
  }

  /** By priority, highest first: how many of `missing` leases are wanted there. */
  first(missing: number): Map<number, number> {
    const first = new Map<number, number>();
    let left = missing;
    for (const [priority, count] of [...this.#counts].sort(([a], [b]) => b - a)) {
      if (left <= 0) break;
      first.set(priority, Math.min(left, count));
      left -= count;
    }
    if (left > 0) first.set(0, (first.get(0) ?? 0) + left);
    return first;
  }
}
