import type { Account } from './account.js';
import { SLICE_MS } from './lease.js';
import type { Lines } from './lines.js';
import { AGEING_MS } from './waiting-line.js';
import type { Slot } from './registry.js';
import { fits } from '../tags.js';
import type { WaitingLine } from './waiting-line.js';

/** A slot to ask back, or when to look again; neither where only an event can change anything. */
interface Found {
  slot?: Slot | undefined;
  at?: number | undefined;
}

/** Asks slots back while somebody waits, never more than are waited for. */
export class Revocation {
  readonly #lines: Lines;
  /** Slots on their way from one client to another. */
  #underWay = 0;
  #nextAt: number | undefined;

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  /** When time alone makes another slot due; undefined for never. */
  get nextAt(): number | undefined {
    return this.#nextAt;
  }

  /** The next slot to ask back, which counts as on its way from now on. */
  next(now: number): Slot | undefined {
    this.#nextAt = undefined;
    if (this.#lines.size <= this.#underWay || !this.#lines.hasHolders) return undefined;
    const { slot, at } = slotToRevoke(this.#lines, this.#underWay, now);
    this.#nextAt = at;
    if (slot) this.#underWay += 1;
    return slot;
  }

  /** One that was asked back has come. */
  arrived(): void {
    this.#underWay -= 1;
  }
}

/** The slot to ask back for the first line that any is of use to, or when to look again. */
function slotToRevoke(lines: Lines, revoked: number, now: number): Found {
  let at: number | undefined;
  for (const line of lines.inTurn()) {
    const waiter = line.first(now);
    const found = waiter ? slotFor(waiter, lines, revoked, now) : {};
    if (found.slot) return found;
    if (found.at !== undefined) at = Math.min(at ?? found.at, found.at);
  }
  return { at };
}

/**
 * The slot to ask back for a client that waits, or when to look again. Of a lower priority at once, from the client that has
 * had most there; within its own line as {@link fairSlot} says; of others, one slot at a time: of a higher priority when the
 * line has aged so far, and of the same, with other needs, when it has stood still for a slice.
 *
 * @param revoked how many slots are on their way from one client to another.
 */
function slotFor(waiter: Account, lines: Lines, revoked: number, now: number): Found {
  const line = lines.at(waiter.priority, waiter.needs);
  let at: number | undefined;
  for (const held of lines.held()) {
    let found: Found = {};
    if (held.priority < line.priority) {
      if (lines.waitingAbove(held.priority) > revoked) found = { slot: slotOfMost(waiter, held, now) };
    } else if (held === line) found = fairSlot(waiter, line, revoked, now);
    else if (revoked === 0) {
      const patienceMs = Math.max(SLICE_MS, (held.priority - line.priority) * AGEING_MS);
      const slot = slotOfMost(waiter, held, now);
      if (slot) found = now >= line.stillSince + patienceMs ? { slot } : { at: line.stillSince + patienceMs };
    }
    if (found.slot) return found;
    at = Math.min(at ?? Number.POSITIVE_INFINITY, found.at ?? Number.POSITIVE_INFINITY);
  }
  return { at: Number.isFinite(at) ? at : undefined };
}

/** Its own leases a client uses for what is more urgent by itself. */
function slotOfMost(waiter: Account, held: WaitingLine, now: number): Slot | undefined {
  let most: { slotTimeMs: number; slot: Slot } | undefined;
  for (const holder of held.holders(waiter.client)) {
    const slotTimeMs = holder.slotTimeMs(now);
    const slot = most && most.slotTimeMs >= slotTimeMs ? undefined : fitting(holder, waiter);
    if (slot) most = { slotTimeMs, slot };
  }
  return most?.slot;
}

/** The one that has been held for longest of those that are of use to the waiter. */
function fitting(holder: Account, { needs }: Account): Slot | undefined {
  let slot = holder.revocable.first;
  while (slot && needs.key !== '' && !fits(slot.worker.tags, needs)) slot = slot.next;
  return slot;
}

/**
 * At once a slot of a client that holds two more than the one that waits, else one of the client that is furthest ahead of
 * it, as soon as that is a slice of slot time.
 */
function fairSlot(
  waiter: Account,
  line: Pick<WaitingLine, 'holders' | 'clients'>,
  revoked: number,
  now: number,
): Found {
  let at: number | undefined;
  let ahead: Account | undefined;
  for (const holder of line.holders(waiter.client)) {
    if (holder.revocable.size >= waiter.leases + revoked + 2) return { slot: holder.revocable.first };
    const lead = holder.slotTimeMs(now) - waiter.slotTimeMs(now);
    if (lead >= SLICE_MS) {
      if (!ahead || holder.slotTimeMs(now) > ahead.slotTimeMs(now)) ahead = holder;
    } else if (holder.leases > waiter.leases) {
      const due = now + Math.max(1, (SLICE_MS - lead) / (holder.leases - waiter.leases));
      at = Math.min(at ?? due, due);
    }
  }
  // One slot for each client that waits: they are all behind, but not every one of them by this much.
  if (ahead && revoked < line.clients) return { slot: ahead.revocable.first };
  return { at };
}
