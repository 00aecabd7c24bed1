import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { PoolError } from '../core/errors.js';
import type { HeapItem } from '../core/heap.js';
import { withResolvers } from '../core/with-resolvers.js';
import { shipFunction, type ShippedFunction } from '../wire/functions/source.js';
import { encodePayload, type Payload } from '../wire/values/payload.js';
import type { Call } from './executor.js';

/**
 * One direct call on its way: in line, then running, then settled. It watches its own limits; whichever ends it first
 * decides the outcome.
 */
export class DirectTask implements HeapItem {
  heapIndex = -1;
  /** Rises with every task of a pool. */
  readonly order: number;
  readonly id = randomUUID();
  readonly fn: ShippedFunction;
  readonly args: Payload;
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly result: Promise<unknown>;
  readonly #settle: { resolve: (value: unknown) => void; reject: (reason: unknown) => void };
  readonly #stop = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #signal: AbortSignal | undefined;
  #queueTimer: NodeJS.Timeout | undefined;
  #phase: 'waiting' | 'running' | 'settled' = 'waiting';

  /** @throws PoolError when the function or its arguments cannot be sent. */
  constructor({ fn, args, options }: Call, order: number) {
    this.order = order;
    this.fn = shipFunction(fn);
    this.args = encodeArguments(args, this.fn.name);
    this.name = options.name ?? this.fn.name;
    this.timeoutMs = options.timeoutMs;
    const { promise, resolve, reject } = withResolvers<unknown>();
    this.result = promise;
    this.#settle = { resolve, reject };
    this.#signal = options.signal;
    this.#watch(options);
  }

  get isWaiting(): boolean {
    return this.#phase === 'waiting';
  }

  /** Aborted when the task is settled before the worker has answered. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  begin(): void {
    this.#phase = 'running';
    clearTimeout(this.#queueTimer);
  }

  succeed(value: unknown): void {
    if (this.#conclude()) this.#settle.resolve(value);
  }

  fail(reason: unknown): void {
    if (this.#conclude()) this.#settle.reject(reason);
  }

  #watch({ queueTimeoutMs, deadlineMs, signal }: Call['options']): void {
    if (queueTimeoutMs !== undefined) {
      this.#queueTimer = this.#failAfter(
        queueTimeoutMs,
        'queue-timeout',
        'no worker was free within its queueTimeoutMs of',
      );
    }
    if (deadlineMs !== undefined)
      this.#failAfter(deadlineMs, 'deadline-exceeded', 'it did not end within its deadlineMs of');
    if (!signal) return;
    if (signal.aborted) return this.#onAbort();
    setMaxListeners(0, signal); // One per call that shares it, each taken off when its call settles.
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  #failAfter(ms: number, code: 'queue-timeout' | 'deadline-exceeded', why: string): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.fail(new PoolError(code, `\`${this.name}\`: ${why} ${ms}`, { mayHaveRun: !this.isWaiting }));
    }, ms);
    this.#timers.push(timer);
    return timer;
  }

  readonly #onAbort = (): void => {
    const cause: unknown = this.#signal?.reason;
    this.fail(
      new PoolError('cancelled', `\`${this.name}\` was cancelled`, { cause, mayHaveRun: !this.isWaiting }),
    );
  };

  /** False when the task was settled before. */
  #conclude(): boolean {
    if (this.#phase === 'settled') return false;
    this.#phase = 'settled';
    for (const timer of this.#timers) clearTimeout(timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#stop.abort('settled'); // A reason of our own: the default one is an error with a stack, for every call.
    return true;
  }
}

function encodeArguments(args: unknown[], name: string): Payload {
  try {
    return encodePayload(args, 'V8', 'arguments');
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    throw new PoolError(error.code, `\`${name}\`: ${error.message}`, { cause: error.cause });
  }
}
