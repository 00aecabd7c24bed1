import { PoolError } from '../core/errors.js';
import { shipFunction } from '../wire/functions/source.js';
import { decodePayload, encodePayload } from '../wire/values/payload.js';
import type { Call, Executor } from './executor.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Runs calls in this process, one value's copy away from a worker: the same functions and values are refused, arguments
 * and results are copies, errors arrive the same way. The function itself is called, so breakpoints in it hold.
 *
 * What cannot be had in one process: a limit or a signal ends the wait, but not a function that never yields.
 */
export class InlineExecutor implements Executor {
  readonly slots = 1;
  #isClosed = false;

  async run({ fn, args, options }: Call): Promise<unknown> {
    if (this.#isClosed) throw new PoolError('closed', 'this pool is closed');
    const { name } = shipFunction(fn);
    const copies = copy(args, `\`${name}\`: arguments`) as unknown[];
    if (options.signal?.aborted) throw cancelled(name, options.signal);
    // As on a worker, the caller goes on before the function begins.
    await Promise.resolve();
    const work = (async () => copy(await call(fn as AnyFunction, copies), 'the result'))();
    return bounded(work, name, options);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }
}

async function call(fn: AnyFunction, args: unknown[]): Promise<unknown> {
  try {
    return await fn(...args);
  } catch (thrown) {
    throw copy(thrown, 'the thrown value');
  }
}

function copy(value: unknown, label: string): unknown {
  return decodePayload(encodePayload(value, 'V8', label));
}

async function bounded(work: Promise<unknown>, name: string, options: Call['options']): Promise<unknown> {
  const { signal, timeoutMs, deadlineMs } = options;
  const limits: NodeJS.Timeout[] = [];
  let onAbort: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    const failAfter = (ms: number | undefined, error: () => PoolError) => {
      if (ms !== undefined) limits.push(setTimeout(() => reject(error()), ms));
    };
    const ran = { mayHaveRun: true };
    failAfter(
      timeoutMs,
      () => new PoolError('timeout', `\`${name}\` ran longer than its timeoutMs of ${timeoutMs}`, ran),
    );
    failAfter(
      deadlineMs,
      () =>
        new PoolError(
          'deadline-exceeded',
          `\`${name}\`: it did not end within its deadlineMs of ${deadlineMs}`,
          ran,
        ),
    );
    onAbort = () => reject(cancelled(name, signal));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    for (const timer of limits) clearTimeout(timer);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

function cancelled(name: string, signal: AbortSignal | undefined): PoolError {
  return new PoolError('cancelled', `\`${name}\` was cancelled`, { cause: signal?.reason, mayHaveRun: true });
}
