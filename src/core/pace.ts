/** How much work may be under way to one slot, in ms: enough that it need not wait for the next message. */
export const AHEAD_MS = 2;

/** Work of one message at most, in ms: the slot can begin while the next one is made. */
export const MESSAGE_MS = 0.5;

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
 * Whether one more task goes to a slot now. A slot that has nothing gets one, whatever it takes. Behind others only
 * goes what is known to be short: tasks of milliseconds are not to queue behind one another while other slots are free,
 * and those of unknown length least of all.
 */
export function hasRoom(slot: UnderWay, estimateMs: number | undefined, bytes: number): boolean {
  if (slot.tasks === 0) return true;
  if (estimateMs === undefined) return false;
  return slot.workMs + estimateMs <= AHEAD_MS && slot.bytes + bytes <= AHEAD_BYTES;
}

/** How many tasks of one function are worth having under way on so many slots. */
export function appetite(slots: number, estimateMs: number | undefined): number {
  const perSlot = estimateMs === undefined ? 2 : Math.min(2_048, Math.max(2, (2 * AHEAD_MS) / estimateMs));
  return Math.max(2, Math.ceil(slots * perSlot));
}
