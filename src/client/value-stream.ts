import { PoolError } from '../core/errors.js';
import type { Settle, Started } from './executor.js';
import { nameCaller } from './task-stack.js';

/** How many values a function may be ahead of their reader, unless a call says otherwise. */
const READ_AHEAD = 16;

/** As `cancelGraceMs` of a call. */
const GRACE_MS = 500;

/** How far a function that makes values may go. */
export interface Demand {
  /** How many it may have made, all in all. */
  allowed: number;
  /** Its reader wants no more. */
  left: boolean;
}

/** The values of one task on their way to their reader: what the task tells of them, and what it is told. */
export class ValueStream {
  readonly #readAhead: number;
  /** Those that have come and are not yet read. */
  readonly #values: unknown[] = [];
  #outcome: { isOk: boolean; reason: unknown } | undefined;
  #asked = 0;
  /** What the function was allowed when it was last told. */
  #told = 0;
  #isLeft = false;
  #hasYielded = false;
  #tell: ((demand: Demand) => void) | undefined;
  #wake = (): void => undefined;

  constructor(readAhead: number) {
    this.#readAhead = readAhead;
  }

  /** Whether another attempt would make its reader see values twice, or nobody wants one. */
  get isBeyondRetry(): boolean {
    return this.#hasYielded || this.#isLeft;
  }

  get isSettled(): boolean {
    return this.#outcome !== undefined;
  }

  /** An attempt is on its way. Gives what it is told to begin with; what it is told later goes by `tell`. */
  begin(tell: (demand: Demand) => void): Demand {
    this.#tell = tell;
    this.#told = this.#asked + this.#readAhead;
    return { allowed: this.#told, left: this.#isLeft };
  }

  /** The attempt has made a value. */
  yielded(value: unknown): void {
    this.#hasYielded = true;
    this.#values.push(value);
    this.#wake();
  }

  settled(isOk: boolean, reason: unknown): void {
    this.#outcome = { isOk, reason };
    this.#wake();
  }

  /** The next value; undefined behind the last. @throws whatever the task has failed with */
  async next(): Promise<{ value: unknown } | undefined> {
    this.#asked += 1;
    this.#allow();
    while (this.#values.length === 0 && !this.#outcome) await this.#change();
    const outcome = this.#outcome;
    // Who has given it up wants to read no more either.
    if (outcome && !outcome.isOk && isGivenUp(outcome.reason)) throw outcome.reason;
    if (this.#values.length > 0) return { value: this.#values.shift() };
    if (outcome?.isOk) return undefined;
    throw outcome?.reason;
  }

  /** Has the function return. Resolves when it has, or when it did not within the time that is left for that. */
  async leave(task: Started, graceMs: number): Promise<void> {
    this.#isLeft = true;
    const given = new PoolError('cancelled', 'the loop over pool.stream was left', { mayHaveRun: true });
    if (task.isWaiting) return task.fail(given);
    this.#tell?.({ allowed: this.#told, left: true });
    const timer = setTimeout(() => task.fail(given), graceMs);
    while (!this.#outcome) await this.#change();
    clearTimeout(timer);
    const { isOk, reason } = this.#outcome;
    if (!isOk && reason !== given) throw reason;
  }

  /** Told in time for the function never to wait while it may go on; not with every value. */
  #allow(): void {
    const allowed = this.#asked + this.#readAhead;
    if (allowed - this.#told < Math.max(1, this.#readAhead / 2)) return;
    this.#told = allowed;
    this.#tell?.({ allowed, left: false });
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

function isGivenUp(reason: unknown): boolean {
  return reason instanceof PoolError && (reason.code === 'cancelled' || reason.code === 'closed');
}

/** Begins the task when the first value is asked for, and yields its values. Leaving ends its function. */
export async function* readStream<T>(
  start: (stream: ValueStream, settle: Settle) => Started,
  { readAhead = READ_AHEAD, cancelGraceMs = GRACE_MS }: { readAhead?: number; cancelGraceMs?: number },
): AsyncGenerator<T, void, void> {
  const stream = new ValueStream(readAhead);
  const task = start(stream, (isOk, value) => stream.settled(isOk, value));
  try {
    for (let item = await stream.next(); item; item = await stream.next()) yield item.value as T;
  } catch (reason) {
    // Where the loop stands is known only behind an await of its own.
    await Promise.resolve();
    nameCaller(reason);
    throw reason;
  } finally {
    if (!stream.isSettled) await stream.leave(task, cancelGraceMs);
  }
}
