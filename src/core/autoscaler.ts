/** Of its own that one pool may have. */
export const MAX_WORKERS = 10_000;

/** Within what, and how soon, the number of workers follows the work. */
export interface ScaleLimits {
  min: number;
  max: number;
  /** How long workers may be too many before they go, in ms. */
  idleMs: number;
}

/** What a pool has to do, and with how many workers. */
export interface Load {
  /** Workers that there are to be. */
  wanted: number;
  /** Those of them that have come. */
  attached: number;
  /** Those that somebody has a lease on. */
  inUse: number;
  /** Of each. */
  slots: number;
  /** Leases that clients have a use for and do not have. */
  missing: number;
}

/** For how long work has to wait before more workers are worth their start, in ms. */
const PATIENCE_MS = 1_000;

/**
 * Decides how many workers a pool is to have, from what waits and what is in use: as many more as would serve what waits, at
 * most twice as many in one step and the next step when those have come; fewer when for a while fewer would have done.
 */
export class Autoscaler {
  readonly #limits: ScaleLimits;
  /** Since when work has waited. */
  #waitsSince: number | undefined;
  /** The most workers that were in use at a time, since then. */
  #peak: { since: number; inUse: number } | undefined;

  constructor(limits: ScaleLimits) {
    this.#limits = limits;
  }

  /** As many as were asked for, as far as the limits allow it. */
  clamp(workers: number): number {
    const { min, max } = this.#limits;
    return Math.min(max, Math.max(min, workers));
  }

  /** How many workers there are to be from now on. @param now on any clock in ms that never goes back. */
  next({ wanted, attached, inUse, slots, missing }: Load, now: number): number {
    this.#waitsSince = missing === 0 ? undefined : (this.#waitsSince ?? now);
    if (attached < wanted) {
      this.#peak = undefined;
      return this.clamp(wanted);
    }
    const peak = (this.#peak ??= { since: now, inUse });
    peak.inUse = Math.max(peak.inUse, inUse);
    if (this.#waitsSince !== undefined) {
      this.#peak = undefined;
      if (now - this.#waitsSince < PATIENCE_MS) return this.clamp(wanted);
      this.#waitsSince = now;
      return this.clamp(wanted + Math.min(Math.ceil(missing / slots), Math.max(1, wanted)));
    }
    if (now - peak.since < this.#limits.idleMs) return this.clamp(wanted);
    this.#peak = undefined;
    return this.clamp(Math.min(wanted, peak.inUse));
  }
}
