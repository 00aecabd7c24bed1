import { setMaxListeners } from 'node:events';
import { PoolError } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { MapOptions } from './options.js';

/** Results that are ready but not yet asked for, as a multiple of the concurrency: enough that one slow call stops no others. */
const READ_AHEAD = 4;

type Settled<R> =
  | { index: number; ok: true; value: R }
  /** Fatal: ends the map even where errors are collected. */
  | { index: number; ok: false; reason: unknown; isFatal: boolean };

/**
 * Calls `start` for every item, at most `concurrency` at a time, and yields what comes of it. Reads its input no faster
 * than calls are begun, and begins no more while results are not taken. Leaving early cancels what runs.
 */
export async function* mapBounded<T, R>(
  input: Iterable<T> | AsyncIterable<T>,
  start: (item: T, signal: AbortSignal) => Promise<R>,
  { concurrency, ordered = true, errors = 'throw' }: MapOptions & { concurrency: number },
  signal?: AbortSignal,
): AsyncGenerator<R, void, void> {
  const items = iteratorOf(input);
  const cancel = new AbortController();
  setMaxListeners(0, cancel.signal); // One per call under way.
  const ready = new Map<number, Settled<R>>();
  const running = new Set<Promise<void>>();
  let isInputOver = false;
  let isExhausted = false;
  let isReading = false;
  let read = 0;
  let yielded = 0;
  let change = withResolvers<void>();
  const changed = () => {
    change.resolve();
    change = withResolvers<void>();
  };

  const settle = (settled: Settled<R>) => {
    ready.set(settled.index, settled);
    if (!settled.ok && settled.isFatal) isInputOver = true;
    changed();
  };
  const begin = (item: T, index: number) => {
    // Out of `running` before anybody is told: whoever looks then must see room for the next call.
    const end = (settled: Settled<R>) => (running.delete(call), settle(settled));
    const call: Promise<void> = start(item, cancel.signal).then(
      (value) => end({ index, ok: true, value }),
      (reason: unknown) => end({ index, ok: false, reason, isFatal: errors === 'throw' }),
    );
    running.add(call);
  };
  const readInput = async () => {
    try {
      for (;;) {
        while (!isInputOver && (running.size >= concurrency || read - yielded >= concurrency * READ_AHEAD)) {
          await change.promise;
        }
        if (isInputOver) return;
        isReading = true;
        const next = await items.next();
        isReading = false;
        if (next.done) isExhausted = isInputOver = true;
        if (isInputOver) return changed();
        begin(next.value as T, read++);
      }
    } catch (reason) {
      // An input that breaks ends the map like a call that fails, in its turn.
      isReading = false;
      isExhausted = true;
      settle({ index: read++, ok: false, reason, isFatal: true });
    }
  };

  // Also ends a map whose input says nothing.
  const onAbort = () => {
    cancel.abort(signal?.reason);
    const reason = new PoolError('cancelled', 'the map was cancelled', {
      cause: signal?.reason,
      mayHaveRun: true,
    });
    if (running.size === 0) settle({ index: read++, ok: false, reason, isFatal: true });
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });

  const reading = readInput();
  try {
    for (;;) {
      const index = ordered ? yielded : ready.keys().next().value;
      const settled = index === undefined ? undefined : ready.get(index);
      if (!settled) {
        if (isInputOver && running.size === 0 && yielded >= read) return;
        await change.promise;
        continue;
      }
      ready.delete(settled.index);
      yielded += 1;
      changed();
      if (!settled.ok && settled.isFatal) {
        await Promise.all(running);
        throw settled.reason;
      }
      yield settled.ok ? settled.value : (settled.reason as R);
    }
  } finally {
    isInputOver = true;
    signal?.removeEventListener('abort', onAbort);
    cancel.abort(new Error('the loop over pool.map was left'));
    changed();
    await Promise.all(running);
    // An input that was just asked for its next item answers when it likes; nobody waits for that any more.
    const closing = isExhausted ? undefined : items.return?.();
    if (!isReading) await Promise.all([closing, reading]);
    else Promise.resolve(closing).catch(() => undefined);
  }
}

function iteratorOf<T>(input: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
}
