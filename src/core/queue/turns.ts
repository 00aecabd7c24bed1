import { requestId } from '../ids.js';
import { WaitingLine } from '../scheduler/waiting-line.js';
import type { Entry } from './entry.js';

/**
 * Whose turn it is among tasks that could run, by the rules of the lines for leases: the highest priority first, with the
 * ageing that keeps it from starving the others; within one fair between clients by the slot time they have had; within a
 * client first come, first served.
 */
export class Turns {
  readonly #lines = new Map<number, WaitingLine>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  join(entry: Entry, now: number): void {
    entry.request = this.#at(entry.priority).join(requestId(entry.order), entry, now);
    this.#size += 1;
  }

  leave(entry: Entry, now: number): void {
    if (!entry.request) return;
    this.#at(entry.priority).withdraw(entry.request, now);
    entry.request = undefined;
    this.#size -= 1;
  }

  /** How many are of a higher priority. */
  above(priority: number): number {
    let count = 0;
    for (const line of this.#lines.values()) if (line.priority > priority) count += line.size;
    return count;
  }

  next(now: number): Entry | undefined {
    let line: WaitingLine | undefined;
    for (const other of this.#lines.values())
      if (other.size > 0 && (!line || isBefore(other, line))) line = other;
    return line?.first(now)?.waiting.first?.wish as Entry | undefined;
  }

  /** Its client is charged from now on, until it is given back. */
  serve(entry: Entry, now: number): void {
    if (!entry.request) return;
    this.#at(entry.priority).serve(entry.request, now);
    entry.request = undefined;
    this.#size -= 1;
  }

  giveBack(entry: Entry, now: number): void {
    this.#at(entry.priority).giveBack(entry.client, now);
  }

  #at(priority: number): WaitingLine {
    let line = this.#lines.get(priority);
    if (!line) {
      line = new WaitingLine(priority);
      this.#lines.set(priority, line);
    }
    return line;
  }
}

function isBefore(a: WaitingLine, b: WaitingLine): boolean {
  const lead = a.rank - b.rank || a.priority - b.priority;
  return lead > 0;
}
