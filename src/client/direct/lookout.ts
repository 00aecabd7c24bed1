import type { HeldLease } from './held-lease.js';

/** How long a lease is kept for the next call, in ms; and how long while others wait for one. */
const LINGER_MS = 100;
const LINGER_WAITED_FOR_MS = 1;

/** A slot that says nothing for this long has tasks under way taken back that it may not have begun, in ms. */
const SILENCE_MS = 50;

export interface Standing {
  leases: Iterable<HeldLease>;
  /** Tasks without an outcome. */
  tasks: number;
}

/** Says when a client looks at the leases it holds, and which of them it has no use for. */
export class Lookout {
  readonly #standing: () => Standing;
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;
  #lookAt = 0;
  #isDue = false;
  #busyAt = 0;
  #othersWaitUntil = 0;

  constructor(standing: () => Standing, look: () => void) {
    this.#standing = standing;
    this.#look = look;
  }

  get othersWait(): boolean {
    return performance.now() < this.#othersWaitUntil;
  }

  othersWaitFor(durationMs: number): void {
    this.#othersWaitUntil = performance.now() + durationMs;
  }

  /** Something has changed. */
  note(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    // When the turn is over: by then whoever awaited an outcome has made the next call, and what idled for a moment does not.
    setImmediate(() => {
      if (!this.#isDue) return;
      this.#isDue = false;
      this.#arm();
    });
  }

  /** Whether a lease has idled for long enough, or what waits behind its silent slot is to be taken back. */
  isOver({ isIdle, idleSince, isReached, underWay, heardAt }: HeldLease): boolean {
    const now = performance.now();
    if (isIdle) return now - idleSince >= this.#lingerMs;
    return isReached && underWay.tasks > 1 && now - heardAt > SILENCE_MS + 10 * underWay.workMs;
  }

  /** Whether there has been nothing to do for a while. */
  get isQuiet(): boolean {
    return performance.now() - this.#busyAt >= LINGER_MS;
  }

  stop(): void {
    this.#isDue = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get #lingerMs(): number {
    return this.othersWait ? LINGER_WAITED_FOR_MS : LINGER_MS;
  }

  /** Soon where a lease idles while others wait. */
  #arm(): void {
    const { leases, tasks } = this.#standing();
    const now = performance.now();
    if (tasks > 0) this.#busyAt = now;
    let delayMs = tasks > 0 ? undefined : LINGER_MS;
    for (const { isIdle } of leases) {
      delayMs ??= LINGER_MS;
      if (isIdle) delayMs = this.#lingerMs;
    }
    if (delayMs === undefined || (this.#timer && this.#lookAt <= now + delayMs)) return;
    clearTimeout(this.#timer);
    this.#lookAt = now + delayMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, delayMs);
  }
}
