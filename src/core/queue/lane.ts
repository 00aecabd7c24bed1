import type { Entry } from './entry.js';
import { Turns } from './turns.js';

/** Tasks that ask for the same of their worker: those that could run, and those that are with the dispatcher. */
export class Lane {
  readonly turns = new Turns();
  /** By priority. */
  readonly #claimed = new Map<number, number>();

  get isEmpty(): boolean {
    return this.turns.size === 0 && this.#claimed.size === 0;
  }

  /** How many of this priority or a higher one are with the dispatcher. */
  claimedFrom(least: number): number {
    let claimed = 0;
    for (const [priority, count] of this.#claimed) if (priority >= least) claimed += count;
    return claimed;
  }

  claim(entry: Entry, now: number): void {
    this.turns.serve(entry, now);
    this.#count(entry, 1);
  }

  /** One that never stood in line here. */
  arrive(entry: Entry): void {
    this.#count(entry, 1);
  }

  giveBack(entry: Entry, now: number): void {
    this.turns.giveBack(entry, now);
    this.#count(entry, -1);
  }

  #count({ priority }: Entry, change: 1 | -1): void {
    const count = (this.#claimed.get(priority) ?? 0) + change;
    if (count > 0) this.#claimed.set(priority, count);
    else this.#claimed.delete(priority);
  }
}
