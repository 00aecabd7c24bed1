import type { Entry } from './entry.js';
import { Turns } from './turns.js';

/** Tasks that ask for the same of their worker: those that could run, and those that are with the dispatcher. */
export class Lane {
  readonly turns = new Turns();
  /** By priority. */
  readonly #claimed = new Map<number, number>();
  /** Of those with the dispatcher, how many a worker has. */
  running = 0;

  get isEmpty(): boolean {
    return this.turns.size === 0 && this.#claimed.size === 0;
  }

  /** How many have no worker. */
  get waiting(): number {
    return this.turns.size + this.claimedFrom(Number.NEGATIVE_INFINITY) - this.running;
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

  /** A worker has it. */
  begin(entry: Entry): void {
    if (!entry.isRunning) this.running += 1;
    entry.isRunning = true;
  }

  giveBack(entry: Entry, now: number): void {
    this.turns.giveBack(entry, now);
    this.#count(entry, -1);
    if (entry.isRunning) this.running -= 1;
    entry.isRunning = false;
  }

  #count({ priority }: Entry, change: 1 | -1): void {
    const count = (this.#claimed.get(priority) ?? 0) + change;
    if (count > 0) this.#claimed.set(priority, count);
    else this.#claimed.delete(priority);
  }
}
