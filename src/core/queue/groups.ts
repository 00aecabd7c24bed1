import { Heap } from '../heap.js';
import type { Entry } from './entry.js';
import type { GroupStanding } from './standing.js';

/** One group: the seats of its tasks that run or stand in line, and those that wait for a seat. */
interface Group {
  limit: number;
  claimed: number;
  readonly inLine: Set<Entry>;
  readonly parked: Heap<Entry>;
}

/**
 * Groups of tasks of which only so many run at a time. There are as many seats as may run. Whoever has one stands in line or
 * runs; the others wait for one, the highest priority first. A task of higher priority takes the seat of one that only
 * stands in line.
 */
export class Groups {
  readonly #groups = new Map<string, Group>();

  /** Whether it has a seat now; else it is parked. `unseated` has lost its own to it, and is parked. */
  seat(entry: Entry): { isSeated: boolean; unseated?: Entry } {
    const group = this.#of(entry);
    if (!group) return { isSeated: true };
    if (group.claimed + group.inLine.size < group.limit) {
      group.inLine.add(entry);
      return { isSeated: true };
    }
    const lowest = lowestOf(group.inLine);
    if (lowest && lowest.priority < entry.priority) {
      group.inLine.delete(lowest);
      group.parked.push(lowest);
      group.inLine.add(entry);
      return { isSeated: true, unseated: lowest };
    }
    group.parked.push(entry);
    return { isSeated: false };
  }

  /** It runs from now on. */
  claim(entry: Entry): void {
    const group = this.#of(entry);
    if (!group) return;
    group.inLine.delete(entry);
    group.claimed += 1;
  }

  /** It needs its seat no longer, or waits for one no longer. */
  leave(entry: Entry): void {
    const group = this.#of(entry);
    if (!group) return;
    if (entry.phase === 'claimed' || entry.phase === 'offered') group.claimed -= 1;
    group.inLine.delete(entry);
    group.parked.remove(entry);
  }

  /** How the group of a task stands; undefined where it is in none. */
  standingOf({ facts }: Entry): GroupStanding | undefined {
    const group = facts.group && this.#groups.get(facts.group.name);
    if (!facts.group || !group) return undefined;
    const { limit, claimed, inLine } = group;
    return { name: facts.group.name, limit, running: claimed, inLine: inLine.size };
  }

  /** One of the same group that has got a seat, if there is one free. */
  nextSeated({ facts }: Entry): Entry | undefined {
    const name = facts.group?.name;
    const group = name === undefined ? undefined : this.#groups.get(name);
    if (!group || name === undefined) return undefined;
    if (group.claimed + group.inLine.size >= group.limit) return undefined;
    const next = group.parked.pop();
    if (next) group.inLine.add(next);
    else if (group.claimed + group.inLine.size === 0) this.#groups.delete(name);
    return next;
  }

  /** The newest word of a group's limit counts. */
  setLimit(name: string, limit: number): void {
    const known = this.#groups.get(name);
    if (known) known.limit = limit;
    else this.#groups.set(name, { limit, claimed: 0, inLine: new Set(), parked: new Heap(isBefore) });
  }

  #of({ facts }: Entry): Group | undefined {
    if (!facts.group) return undefined;
    let group = this.#groups.get(facts.group.name);
    if (!group) {
      this.setLimit(facts.group.name, facts.group.limit);
      group = this.#groups.get(facts.group.name);
    }
    return group;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.priority !== b.priority ? a.priority > b.priority : a.order < b.order;
}

/** The one that gives way: of the lowest priority the one that came last. */
function lowestOf(entries: Iterable<Entry>): Entry | undefined {
  let lowest: Entry | undefined;
  for (const entry of entries) if (!lowest || isBefore(lowest, entry)) lowest = entry;
  return lowest;
}
