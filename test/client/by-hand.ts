import type { MapOptions, PoolError } from 'offhand';
import type { Settle } from '../../src/client/executor.js';
import { mapBounded } from '../../src/client/map.js';

interface Begun {
  item: number;
  /** Why the map gave it up, if it did. */
  cancelled: PoolError | undefined;
  resolve: (value: string) => void;
  reject: (reason: unknown) => void;
  isSettled: boolean;
}

/** Calls that are settled by hand. */
function calls() {
  const begun: Begun[] = [];
  const start = (item: number, settle: Settle) => {
    const end = (isOk: boolean, value: unknown) => {
      call.isSettled = true;
      settle(isOk, value);
    };
    const call: Begun = {
      item,
      cancelled: undefined,
      isSettled: false,
      resolve: (value) => end(true, value),
      reject: (reason) => end(false, reason),
    };
    begun.push(call);
    return { fail: (reason: PoolError) => void (call.cancelled ??= reason), isWaiting: false };
  };
  const of = (item: number): Begun => {
    const call = begun.find((one) => one.item === item);
    if (!call) throw new Error(`${item} has not begun; there are ${begun.map((one) => one.item).join(', ')}`);
    return call;
  };
  return { begun, start, of, items: () => begun.map((call) => call.item) };
}

/** A map whose calls are settled by hand. */
export function mapOf(
  input: Iterable<number> | AsyncIterable<number>,
  options: MapOptions & { concurrency: number },
  signal?: AbortSignal,
) {
  const fake = calls();
  const concurrency = () => options.concurrency;
  return {
    ...fake,
    results: mapBounded<number, string>(input, fake.start, { ...options, concurrency }, signal),
  };
}

/** 0, 1, 2 … without end; writes down what is asked of it. */
export function* numbers(log: string[] = []): Generator<number, void, void> {
  try {
    for (let n = 0; ; n++) {
      log.push(`read ${n}`);
      yield n;
    }
  } finally {
    log.push('returned');
  }
}

/** Lets everything that is ready happen. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
