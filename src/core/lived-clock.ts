/** A clock that was not looked at for longer than this stood still meanwhile, in ms. */
const GAP_MS = 1_000;

/**
 * A clock in ms that counts only while its process runs: a laptop that sleeps, or a SIGSTOP, is no silence of anybody
 * else's. It has to be looked at several times a second.
 */
export class LivedClock {
  readonly #read: () => number;
  #last: number;
  #missedMs = 0;

  /** @param read any clock in ms that never goes back. */
  constructor(read: () => number) {
    this.#read = read;
    this.#last = read();
  }

  now(): number {
    const at = this.#read();
    const elapsed = at - this.#last;
    if (elapsed > GAP_MS) this.#missedMs += elapsed;
    this.#last = at;
    return at - this.#missedMs;
  }
}
