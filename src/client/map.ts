import { PoolError } from '../core/errors.js';
import type { Settle, Started } from './executor.js';
import type { MapOptions } from './options.js';
import { nameCaller } from './task-stack.js';

/** Results that are ready but not yet asked for, as a multiple of the concurrency: enough that one slow call stops no others. */
const READ_AHEAD = 4;

type Settled =
  | { isOk: true; value: unknown }
  /** Fatal: ends the map even where errors are collected. */
  | { isOk: false; reason: unknown; isFatal: boolean };

/** What is ready and not yet yielded: in the order of the input, or as it comes. */
class Ready {
  readonly #isOrdered: boolean;
  #settled: (Settled | undefined)[] = [];
  /** Where the next one stands. */
  #head = 0;
  /** What stands at 0: those before it are gone. */
  #offset = 0;

  constructor(isOrdered: boolean) {
    this.#isOrdered = isOrdered;
  }

  put(index: number, settled: Settled): void {
    if (this.#isOrdered) this.#settled[index - this.#offset] = settled;
    else this.#settled.push(settled);
  }

  take(): Settled | undefined {
    const settled = this.#settled[this.#head];
    if (!settled) return undefined;
    this.#settled[this.#head++] = undefined;
    if (this.#head >= 1_024 && 2 * this.#head >= this.#settled.length) {
      this.#settled = this.#settled.slice(this.#head);
      this.#offset += this.#head;
      this.#head = 0;
    }
    return settled;
  }
}

/**
 * Calls `start` for every item, at most `concurrency()` at a time, and yields what comes of it. Reads its input no faster
 * than calls are begun, and begins no more while results are not taken. Leaving early cancels what runs.
 */
export async function* mapBounded<T, R>(
  input: Iterable<T> | AsyncIterable<T>,
  start: (item: T, settle: Settle) => Started,
  {
    concurrency,
    ordered = true,
    errors = 'throw',
  }: Omit<MapOptions, 'concurrency'> & { concurrency: () => number },
  signal?: AbortSignal,
): AsyncGenerator<R, void, void> {
  const items = iteratorOf(input);
  const ready = new Ready(ordered);
  const running = new Set<Started>();
  let isCancelled = false;
  let isInputOver = false;
  let isExhausted = false;
  let isReading = false;
  let read = 0;
  let yielded = 0;
  let wake: (() => void) | undefined;
  const changed = () => wake?.();
  const change = () => new Promise<void>((resolve) => (wake = resolve));

  const settle = (index: number, settled: Settled) => {
    ready.put(index, settled);
    if (!settled.isOk && settled.isFatal) isInputOver = true;
    changed();
  };
  const begin = (item: T) => {
    const index = read++;
    let call: Started | undefined;
    let isSettled = false;
    try {
      call = start(item, (isOk, value) => {
        isSettled = true;
        // Out of `running` before anybody is told: whoever looks then must see room for the next call.
        if (call) running.delete(call);
        if (isOk) settle(index, { isOk, value });
        else settle(index, { isOk, reason: value, isFatal: errors === 'throw' });
        readInput();
      });
      if (!isSettled) running.add(call);
    } catch (reason) {
      settle(index, { isOk: false, reason, isFatal: errors === 'throw' });
    }
  };
  const onItem = (next: IteratorResult<T, void>) => {
    if (next.done) {
      isExhausted = isInputOver = true;
      changed();
    } else if (!isInputOver) begin(next.value);
  };
  /** An input that breaks ends the map like a call that fails, in its turn. */
  const onInputBroken = (reason: unknown) => {
    isExhausted = true;
    settle(read++, { isOk: false, reason, isFatal: true });
  };
  const readInput = () => {
    while (!isInputOver && !isReading) {
      const room = concurrency();
      if (running.size >= room || read - yielded >= room * READ_AHEAD) return;
      try {
        const next = items.next();
        if ('then' in next) return void readLater(next);
        onItem(next);
      } catch (reason) {
        onInputBroken(reason);
      }
    }
  };
  const readLater = async (next: Promise<IteratorResult<T, void>>) => {
    isReading = true;
    try {
      const item = await next;
      isReading = false;
      onItem(item);
    } catch (reason) {
      isReading = false;
      onInputBroken(reason);
    }
    readInput();
  };
  const cancel = (message: string, cause: unknown) => {
    isCancelled = isInputOver = true;
    for (const call of [...running]) {
      call.fail(new PoolError('cancelled', message, { cause, mayHaveRun: !call.isWaiting }));
    }
  };

  // Also ends a map whose input says nothing.
  const onAbort = () => {
    const cause: unknown = signal?.reason;
    const message = 'the map was cancelled';
    settle(read++, {
      isOk: false,
      reason: new PoolError('cancelled', message, { cause, mayHaveRun: true }),
      isFatal: true,
    });
    cancel(message, cause);
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });

  readInput();
  try {
    for (;;) {
      const settled = ready.take();
      if (!settled) {
        if (isInputOver && running.size === 0 && yielded >= read) return;
        await change();
        continue;
      }
      yielded += 1;
      readInput();
      if (settled.isOk) yield settled.value as R;
      else if (!settled.isFatal) yield settled.reason as R;
      else {
        while (running.size > 0) await change();
        // Where the loop stands is known only behind an await of its own.
        await Promise.resolve();
        nameCaller(settled.reason);
        throw settled.reason;
      }
    }
  } finally {
    isInputOver = true;
    signal?.removeEventListener('abort', onAbort);
    if (!isCancelled) cancel('the loop over pool.map was left', undefined);
    while (running.size > 0) await change();
    // An input that was just asked for its next item answers when it likes; nobody waits for that any more.
    const closing = isExhausted ? undefined : items.return?.();
    if (isReading) Promise.resolve(closing).catch(() => undefined);
    else await closing;
  }
}

function iteratorOf<T>(input: Iterable<T> | AsyncIterable<T>): AsyncIterator<T, void> | Iterator<T, void> {
  return Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
}
