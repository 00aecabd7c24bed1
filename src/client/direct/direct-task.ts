import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type ErrorCode, messageOf, PoolError, thatMayHaveRun } from '../../core/errors.js';
import type { ListItem } from '../../core/linked-list.js';
import { POISON_LOSSES, retriesFor, type RetryCause, retryDelayMs } from '../../core/retry.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import type { ValueReference } from '../../wire/generated/offhand/v1/ValueReference.js';
import type { Payload } from '../../wire/values/payload.js';
import type { Settle, Started } from '../executor.js';
import type { CallOptions } from '../options.js';
import type { ShippedPut } from '../shipping/references.js';
import type { AddedSetup, Insert, ShippedCall } from '../shipping/ship.js';
import { UndecodedFailure } from '../outcome.js';
import { nameWrittenPlaces } from '../task-stack.js';
import { writtenFiles } from '../shipping/written-files.js';
import type { ValueStream } from '../value-stream.js';
import { outputOf, showLine, tellCaller } from './task-news.js';

/** By which workers tell the tasks of this process from those of others. */
export const CLIENT_ID = randomBytes(6).toString('hex');

let tasks = 0;

const NO_INSERTS: readonly Insert[] = [];
const NO_PUTS: readonly ShippedPut[] = [];
const NO_SETUPS: readonly AddedSetup[] = [];
const NO_REFERENCES: readonly (ValueReference | undefined)[] = [];

/** A lease, for people. */
export interface Grant {
  readonly worker: string;
  /** In the scheduler's words; empty where it has none. */
  readonly reason: string;
  /** On the clock of `performance`. */
  readonly at: number;
}

/** Where a task is: the line, or a lease. It has to hear when the task needs it no longer. */
export interface Place {
  /** Of a lease: where it is, and why it was granted there. */
  readonly grant?: Grant;
  /** The task was settled without it. */
  leave(task: DirectTask): void;
  /** False where nothing can run for now, however long a task waits. */
  readonly hasWorkers?: boolean;
}

/** An attempt that failed, and was not the last. */
export interface EarlierAttempt {
  attempt: number;
  /** Empty where it never came to one. */
  worker: string;
  /** When it was known to have failed, in ms since 1970. */
  at: number;
  /** As the task would have failed with it. */
  reason: unknown;
}

/** So many of them are kept, the newest. */
const MAX_EARLIER = 8;

/**
 * One direct call on its way: in line, then under a lease, then settled. It watches its own limits; whichever ends it
 * first decides the outcome.
 */
export class DirectTask implements Started, ListItem<DirectTask> {
  list: unknown = undefined;
  previous: DirectTask | undefined = undefined;
  next: DirectTask | undefined = undefined;
  place: Place | undefined = undefined;
  /** Rises with every call of a pool. */
  order = 0;
  /** Among the tasks of its lease. */
  number = 0;
  /** How long it was thought to take when it was sent, in ms. */
  estimateMs = 0;
  readonly fn: ShippedFunction;
  /** What has to have run before it. */
  readonly setups: readonly AddedSetup[];
  readonly args: Payload | readonly unknown[];
  readonly name: string;
  readonly priority: number;
  readonly options: CallOptions;
  /** Among all tasks of this process. */
  readonly serial = ++tasks;
  /** The one that is made now, or made next. */
  attempt = 1;
  /** Where it is followed, if it is. */
  news: { whenHeard(): Promise<void>; part(task: DirectTask): void } | undefined = undefined;
  readonly inserts: readonly Insert[];
  readonly puts: readonly ShippedPut[];
  /** Whether its outcome is handed on as it comes: then it succeeds with the message, or fails with an {@link UndecodedFailure}. */
  readonly isOpaque: boolean;
  /** Its id, where it was not made here. */
  readonly knownAs: string | undefined;
  /** The lease that it was sent under last, and when, on the clock of `performance`. */
  grant: Grant | undefined = undefined;
  sentAt = 0;
  /** Where the values go that its function makes one after the other. */
  readonly stream: ValueStream | undefined;
  /** Those that failed and were made again, the newest last; kept of submitted tasks. */
  earlier: EarlierAttempt[] | undefined = undefined;
  /** Attempts that have failed. */
  #failures = 0;
  /** Whether it may have cost a worker, or something that ran beside it. It is tried again with nothing beside it. */
  isSuspect = false;
  /** Workers that were lost while it ran alone. */
  #losses = 0;
  /** Whether an attempt that failed may have run. */
  #hasRun = false;
  readonly #callee: object | undefined;
  readonly #settle: Settle;
  readonly #onSent: (() => void) | undefined;
  /** To its signal. */
  #stopListening: (() => void) | undefined;
  readonly #queueTimeoutMs: number | undefined;
  #queueTimer: NodeJS.Timeout | undefined;
  #waitingSince = performance.now();
  /** Before that, in ms. */
  #waitedMs = 0;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #phase: 'waiting' | 'sent' | 'settled' = 'waiting';

  constructor(
    {
      fn,
      callee,
      setups = NO_SETUPS,
      args,
      name,
      options,
      inserts = NO_INSERTS,
      puts = NO_PUTS,
      isOpaque = false,
      stream,
      task,
    }: ShippedCall,
    settle: Settle,
  ) {
    this.fn = fn;
    this.#callee = callee;
    this.setups = setups;
    this.args = args;
    this.name = name;
    this.options = options;
    this.priority = options.priority ?? 0;
    this.inserts = inserts;
    this.puts = puts;
    this.isOpaque = isOpaque;
    this.stream = stream;
    this.knownAs = task?.id;
    if (task) this.attempt = task.attempt;
    this.#onSent = task?.onSent;
    this.#settle = settle;
    this.#queueTimeoutMs = options.queueTimeoutMs;
    if (options.queueTimeoutMs !== undefined) this.#watchQueue(options.queueTimeoutMs);
    if (options.deadlineMs !== undefined) this.#watchDeadline(options.deadlineMs);
    if (options.signal) this.#watchSignal(options.signal);
  }

  /** By which workers, status and logs know it. */
  get id(): string {
    return this.knownAs ?? `${CLIENT_ID}.${this.serial}`;
  }

  /** Whether somebody wants to hear how far it is. */
  get tellsProgress(): boolean {
    return this.options.onProgress !== undefined;
  }

  get output(): ReturnType<typeof outputOf> {
    const output = outputOf(this.options.logs);
    // Whoever passes a task on keeps what it prints, and takes it away from nobody.
    return this.isOpaque && output === 'SENT' ? 'BOTH' : output;
  }

  /** Whether it has to be followed while it runs. */
  get isFollowed(): boolean {
    return this.tellsProgress || this.output === 'SENT' || this.output === 'BOTH';
  }

  onProgress(fraction: number, note: string | undefined): void {
    if (!this.isSettled) tellCaller(() => this.options.onProgress?.(fraction, note));
  }

  onPrinted(text: string, isError: boolean): void {
    showLine(this.options.logs, { taskId: this.id, text, stream: isError ? 'stderr' : 'stdout' });
  }

  get isWaiting(): boolean {
    return this.#phase === 'waiting';
  }

  /** Whether it was ever sent to a slot. */
  get wasSent(): boolean {
    return this.sentAt > 0;
  }

  get isSettled(): boolean {
    return this.#phase === 'settled';
  }

  /** Where its arguments can be pulled, if they are too large to go along. */
  reference: ValueReference | undefined = undefined;

  /** Where those values that were put can be pulled, by position among them. */
  putReferences = NO_REFERENCES;

  /** How much room its arguments take, in bytes. */
  get bytes(): number {
    if ('data' in this.args) {
      let bytes = this.args.data.length;
      for (const { value } of this.inserts) bytes += value.data.length;
      return bytes;
    }
    let bytes = 0;
    for (const value of this.args) bytes += typeof value === 'string' ? 2 * value.length : 8;
    return bytes;
  }

  sent(place: Place, number: number): void {
    this.#phase = 'sent';
    this.place = place;
    this.number = number;
    clearTimeout(this.#queueTimer);
    this.grant = place.grant;
    this.sentAt = performance.now();
    this.#waitedMs += this.sentAt - this.#waitingSince;
    this.#onSent?.();
  }

  /** For how long it has waited for a lease, in ms. */
  get waitedMs(): number {
    return this.isWaiting ? this.#waitedMs + performance.now() - this.#waitingSince : this.#waitedMs;
  }

  /** It did not begin where it was sent, or is to be tried again: it waits. */
  handedBack(place: Place): void {
    this.place = place;
    if (this.#phase !== 'sent') return;
    this.#phase = 'waiting';
    this.#waitingSince = performance.now();
    if (this.#queueTimeoutMs !== undefined) this.#watchQueue(this.#queueTimeoutMs);
  }

  /** It rests after an attempt that failed: that is no wait for a worker. */
  rests(): void {
    clearTimeout(this.#queueTimer);
  }

  /** Its rest is over. */
  rested(): void {
    this.#waitingSince = performance.now();
    if (this.#queueTimeoutMs !== undefined) this.#watchQueue(this.#queueTimeoutMs);
  }

  /** @param wasQuiet whether it is known to have told nothing. */
  succeed(value: unknown, wasQuiet = false): void {
    this.#whenHeard(wasQuiet, () => {
      if (this.#conclude()) this.#settle(true, value);
    });
  }

  /** What it told comes before its outcome. */
  #whenHeard(wasQuiet: boolean, conclude: () => void): void {
    if (this.news && !wasQuiet) void this.news.whenHeard().then(conclude);
    else conclude();
  }

  /** The call is over. */
  fail(reason: unknown): void {
    const setupFiles = this.setups.flatMap(({ callee, fn }) => writtenFiles(callee.fn as object, fn));
    nameWrittenPlaces(reason, [...writtenFiles(this.#callee, this.fn), ...setupFiles]);
    if (this.#conclude()) this.#settle(false, this.#hasRun ? thatMayHaveRun(reason) : reason);
  }

  /**
   * An attempt at it has failed. Returns how long to wait before the next, in ms; undefined when this was the last one, and
   * the call is over.
   *
   * @param code what happened: `thrown`, or that of the PoolError.
   * @param wasAlone false where other tasks may have run on the worker at that time, or it may not have begun at all.
   */
  attemptFailed(code: ErrorCode | 'thrown', reason: unknown, wasAlone = true): number | undefined {
    if (this.isSettled) return undefined;
    const isLast = this.stream?.isBeyondRetry ?? false;
    if (code === 'worker-lost' && !wasAlone && !isLast && retriesFor(code, this.options) > 0) {
      this.#hasRun = true;
      this.isSuspect = true;
      return this.#again(1, reason);
    }
    this.#failures += 1;
    this.#hasRun ||= code === 'thrown' || !(reason instanceof PoolError) || reason.mayHaveRun;
    if (code === 'worker-lost') this.#losses += 1;
    if (this.#losses >= POISON_LOSSES) {
      const message = `\`${this.name}\` has cost ${this.#losses} workers, and is not tried again; the last one: ${messageOf(reason)}`;
      this.#whenHeard(false, () => this.fail(new PoolError('poison', message, { cause: reason })));
      return undefined;
    }
    const cause = causeOf(code);
    if (cause && !isLast && this.#failures <= retriesFor(cause, this.options)) {
      return this.#again(this.#failures, reason);
    }
    this.#whenHeard(reason instanceof UndecodedFailure && reason.took?.quiet === true, () =>
      this.fail(reason),
    );
    return undefined;
  }

  /** @returns after how many ms the next attempt is made, the so-many-th after one that failed */
  #again(failures: number, reason: unknown): number {
    if (this.isOpaque) {
      const failed = { attempt: this.attempt, worker: this.grant?.worker ?? '', at: Date.now(), reason };
      this.earlier = [...(this.earlier ?? []), failed].slice(-MAX_EARLIER);
    }
    this.attempt += 1;
    return retryDelayMs(failures, Math.random());
  }

  #watchQueue(queueTimeoutMs: number): void {
    const leftMs = Math.max(0, queueTimeoutMs - this.#waitedMs);
    this.#queueTimer = setTimeout(() => {
      const within = `within its queueTimeoutMs of ${queueTimeoutMs}`;
      if (this.place?.hasWorkers === false)
        this.fail(new PoolError('unavailable', `\`${this.name}\`: the pool had no worker at all ${within}`));
      else this.fail(new PoolError('queue-timeout', `\`${this.name}\`: no worker was free ${within}`));
    }, leftMs);
  }

  #watchDeadline(deadlineMs: number): void {
    const message = `\`${this.name}\`: it did not end within its deadlineMs of ${deadlineMs}`;
    this.#deadlineTimer = setTimeout(() => {
      this.fail(new PoolError('deadline-exceeded', message, { mayHaveRun: !this.isWaiting }));
    }, deadlineMs);
  }

  #watchSignal(signal: AbortSignal): void {
    const onAbort = () => {
      const cause: unknown = signal.reason;
      this.fail(
        new PoolError('cancelled', `\`${this.name}\` was cancelled`, { cause, mayHaveRun: !this.isWaiting }),
      );
    };
    if (signal.aborted) return queueMicrotask(onAbort);
    setMaxListeners(0, signal); // One per call that shares it, each taken off when its call settles.
    signal.addEventListener('abort', onAbort, { once: true });
    this.#stopListening = () => signal.removeEventListener('abort', onAbort);
  }

  /** False when the task was settled before. */
  #conclude(): boolean {
    if (this.#phase === 'settled') return false;
    this.#phase = 'settled';
    clearTimeout(this.#queueTimer);
    clearTimeout(this.#deadlineTimer);
    this.#stopListening?.();
    this.news?.part(this);
    const { place } = this;
    this.place = undefined;
    place?.leave(this);
    return true;
  }
}

/** A lease that ended while its task ran says no more about the task than the loss of a worker. */
function causeOf(code: ErrorCode | 'thrown'): RetryCause | undefined {
  if (code === 'lease-lost') return 'worker-lost';
  // To its caller it is as if the function had thrown.
  if (code === 'setup-failed') return 'thrown';
  return code === 'worker-lost' || code === 'thrown' || code === 'timeout' ? code : undefined;
}
