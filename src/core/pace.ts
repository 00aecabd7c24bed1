/** How much work may be under way to one slot, in ms: enough that it need not wait for the next message, and at most. */
const LEAST_AHEAD_MS = 2;
const MOST_AHEAD_MS = 25;

/** What part of its share of the work in line a slot may have under way. */
const AHEAD_SHARE = 1 / 4;

/** What a task costs beside its own code, in ms: its place in a message, its outcome. A round figure for a slow machine. */
const OVERHEAD_MS = 0.002;

/** How much the newest tasks count against those before. */
const WEIGHT = 0.3;

/** Functions whose durations are remembered. */
const MAX_FUNCTIONS = 10_000;

/** How long functions take, from what was measured: an average in which the newest count most. */
export class Pace {
  readonly #averages = new Map<string, number>();

  /** `count` tasks of a function took so long together, in ms. */
  note(fn: string, count: number, totalMs: number): void {
    const sample = totalMs / count + OVERHEAD_MS;
    const known = this.#averages.get(fn);
    if (known === undefined && this.#averages.size >= MAX_FUNCTIONS) this.#averages.clear();
    const weight = known === undefined ? 1 : 1 - (1 - WEIGHT) ** count;
    this.#averages.set(fn, (known ?? 0) * (1 - weight) + sample * weight);
  }

  /** What one task takes, in ms; undefined while nobody knows. */
  of(fn: string): number | undefined {
    return this.#averages.get(fn);
  }
}

/** What is under way to one slot. */
export interface UnderWay {
  tasks: number;
  /** As they were estimated, in ms. */
  workMs: number;
  /** Of their arguments. */
  bytes: number;
}

/** Arguments under way to one slot, and those of one message, are not many more than this, in bytes. */
const AHEAD_BYTES = 1024 * 1024;

/**
 * How much work a slot may have under way, in ms: a part of what would be its share of all that waits, so that the portions
 * shrink towards the end and all slots finish together (guided self-scheduling: Polychronopoulos and Kuck, 1987).
 *
 * @param tasks how many wait
 * @param slots how many there are for them
 */
export function aheadMs(tasks: number, slots: number, estimateMs: number): number {
  const share = (tasks * estimateMs) / slots;
  return Math.min(MOST_AHEAD_MS, Math.max(LEAST_AHEAD_MS, share * AHEAD_SHARE));
}

/**
 * Whether one more task goes to a slot now. A slot that has nothing gets one, whatever it takes. Behind others goes only
 * what is known to be short enough.
 */
export function hasRoom(
  slot: UnderWay,
  estimateMs: number | undefined,
  bytes: number,
  limitMs: number,
): boolean {
  if (slot.tasks === 0) return true;
  if (estimateMs === undefined || slot.bytes + bytes > AHEAD_BYTES) return false;
  return slot.workMs + estimateMs <= limitMs;
}

/** How many tasks of one function are worth having under way on so many slots. */
export function appetite(slots: number, estimateMs: number | undefined): number {
  const perSlot =
    estimateMs === undefined ? 2 : Math.min(2_048, Math.max(2, (4 * LEAST_AHEAD_MS) / estimateMs));
  return Math.max(2, Math.ceil(slots * perSlot));
}

/**
 * How many tasks a coordinator takes that shares them with others: one for each slot, since what waits here could run elsewhere;
 * more only of those that are over before the next could come.
 */
export function sharedAppetite(slots: number, estimateMs: number | undefined): number {
  const perSlot =
    estimateMs === undefined ? 1 : Math.min(2_048, Math.max(1, (4 * LEAST_AHEAD_MS) / estimateMs));
  return Math.ceil(slots * perSlot);
}
