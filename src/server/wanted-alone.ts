import type { RequestId } from '../core/ids.js';

/** One place in line. */
export interface Wait {
  request: RequestId | undefined;
  readonly priority: number;
}

/** How many leases a session wants that are each on a worker of its own: for some it waits, the others it will ask for. */
export class WantedAlone {
  readonly waits = new Set<Wait>();
  #unasked = 0;

  add(count: number): void {
    this.#unasked += count;
  }

  /** So many are not wanted any more. Returns those that were waited for. */
  drop(count: number): Wait[] {
    const fromUnasked = Math.min(count, this.#unasked);
    this.#unasked -= fromUnasked;
    return count > fromUnasked ? [...this.waits].slice(fromUnasked - count) : [];
  }

  /** Whether to ask for another, which then counts as asked for. No more than `most` are waited for at a time. */
  takeNext(most: number): boolean {
    if (this.#unasked === 0 || this.waits.size >= most) return false;
    this.#unasked -= 1;
    return true;
  }
}
