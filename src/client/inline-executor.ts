import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { PoolError } from '../core/errors.js';
import { Heap } from '../core/heap.js';
import { decodePayload, encodePayload } from '../wire/values/payload.js';
import { DirectTask } from './direct-task.js';
import type { Call, Executor } from './executor.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Runs calls in this process, one at a time, one value's copy away from a worker: the same functions and values are
 * refused, arguments and results are copies, errors arrive the same way. The function itself is called, so breakpoints in
 * it hold.
 *
 * What cannot be had in one process: a limit or a signal ends the wait, but not a function that never yields.
 */
export class InlineExecutor implements Executor {
  readonly slots = 1;
  readonly #line = new Heap<DirectTask>((a, b) => a.order < b.order);
  readonly #functions = new WeakMap<DirectTask, AnyFunction>();
  readonly #tasks = new Set<DirectTask>();
  #order = 0;
  #isRunning = false;
  #isClosed = false;

  async run(call: Call): Promise<unknown> {
    if (this.#isClosed) throw closed(false);
    const task = new DirectTask(call, this.#order++);
    this.#functions.set(task, call.fn as AnyFunction);
    this.#tasks.add(task);
    if (task.isWaiting) this.#line.push(task);
    // As on a worker, the caller goes on before the function begins.
    queueMicrotask(() => void this.#work());
    try {
      return await task.result;
    } finally {
      this.#tasks.delete(task);
      this.#line.remove(task);
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const task of this.#tasks) task.fail(closed(!task.isWaiting));
    return Promise.resolve();
  }

  async #work(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let task = this.#line.pop(); task; task = this.#line.pop()) await this.#execute(task);
    this.#isRunning = false;
  }

  /** Ends when the task is settled: what a limit has given up on goes on beside the next one. */
  async #execute(task: DirectTask): Promise<void> {
    task.begin();
    const limit =
      task.timeoutMs === undefined ? undefined : setTimeout(() => task.fail(timeout(task)), task.timeoutMs);
    void callCopied(this.#functions.get(task) as AnyFunction, task).then(
      (value) => task.succeed(value),
      (error: unknown) => task.fail(error),
    );
    await task.result.catch(() => undefined); // Whoever made the call hears of it.
    clearTimeout(limit);
  }
}

async function callCopied(fn: AnyFunction, task: DirectTask): Promise<unknown> {
  provideRequire();
  let value: unknown;
  try {
    value = await fn(...(decodePayload(task.args) as unknown[]));
  } catch (thrown) {
    throw copyThrown(thrown);
  }
  try {
    return copy(value, 'the result');
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    throw new PoolError(error.code, error.message, { cause: error.cause, mayHaveRun: true });
  }
}

function copy(value: unknown, label: string): unknown {
  return decodePayload(encodePayload(value, 'V8', label));
}

/** What cannot be copied arrives in words, as from a worker. */
function copyThrown(thrown: unknown): unknown {
  try {
    return copy(thrown, 'the thrown value');
  } catch {
    return new Error(inspect(thrown));
  }
}

/** Functions find `require` on a worker, resolving from its working folder; here too, unless this process has one. */
function provideRequire(): void {
  if ('require' in globalThis) return;
  const value = createRequire(join(process.cwd(), 'offhand-task.js'));
  Object.defineProperty(globalThis, 'require', { value, configurable: true, writable: true });
}

function timeout(task: DirectTask): PoolError {
  const message = `\`${task.name}\` ran longer than its timeoutMs of ${task.timeoutMs}`;
  return new PoolError('timeout', message, { mayHaveRun: true });
}

function closed(mayHaveRun: boolean): PoolError {
  return new PoolError('closed', 'this pool is closed', { mayHaveRun });
}
