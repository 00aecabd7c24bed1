import type { MapOptions } from 'offhand';
import { mapBounded } from '../../src/client/map.js';

interface Begun {
  item: number;
  signal: AbortSignal;
  resolve: (value: string) => void;
  reject: (reason: unknown) => void;
  isSettled: boolean;
}

/** Calls that are settled by hand. */
function calls() {
  const begun: Begun[] = [];
  const start = (item: number, signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      const call: Begun = {
        item,
        signal,
        isSettled: false,
        resolve: (value) => ((call.isSettled = true), resolve(value)),
        reject: (reason) => ((call.isSettled = true), reject(reason)),
      };
      begun.push(call);
    });
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
) {
  const fake = calls();
  return { ...fake, results: mapBounded(input, fake.start, options) };
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
