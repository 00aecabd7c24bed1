import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type ErrorCode, PoolError } from '../../core/errors.js';
import { LinkedList } from '../../core/linked-list.js';
import { withResolvers } from '../../core/with-resolvers.js';
import type { AnyFunction } from '../../wire/functions/compile.js';
import { GeneratorRun, RefusedStream } from '../../wire/functions/generator-run.js';
import { decodePayload, encodePayload } from '../../wire/values/payload.js';
import { readPut } from '../../wire/values/put.js';
import { DirectTask, type Place } from '../direct/direct-task.js';
import { InlineScope } from './inline-scope.js';
import type { Call, Callee, PoolExecutor, Settle, Started, WorkerOutcome } from '../executor.js';
import { InlineFunctions } from './inline-functions.js';
import { InlineSetups } from './inline-setups.js';
import { References } from '../shipping/references.js';
import { shipCall } from '../shipping/ship.js';
import type { Demand } from '../value-stream.js';

/**
 * Runs calls in this process, one at a time, one value's copy away from a worker: the same functions and values are
 * refused, arguments and results are copies, errors arrive the same way. The function itself is called, so breakpoints in
 * it hold.
 *
 * What cannot be had in one process: a limit or a signal ends the wait, but not a function that never yields.
 */
export class InlineExecutor implements PoolExecutor, Place {
  readonly references = new References(() => Promise.resolve());
  readonly #line = new LinkedList<DirectTask>();
  readonly #callees = new WeakMap<DirectTask, Callee>();
  readonly #compiled = new InlineFunctions();
  readonly #setups = new InlineSetups(this.#compiled);
  readonly #tasks = new Set<DirectTask>();
  #isRunning = false;
  #isClosed = false;

  appetite(): number {
    return 2;
  }

  start(call: Call, settle: Settle): Started {
    if (this.#isClosed) throw closed(false);
    const shipped = shipCall(call);
    const task: DirectTask = new DirectTask(shipped, (isOk, value) => {
      this.#tasks.delete(task);
      settle(isOk, value);
    });
    this.#callees.set(task, call);
    this.#tasks.add(task);
    task.place = this;
    this.#line.push(task);
    // As on a worker, the caller goes on before the function begins.
    queueMicrotask(() => void this.#work());
    return task;
  }

  broadcast(call: Call): Promise<WorkerOutcome[]> {
    const worker = 'inline';
    return new Promise((resolve) => {
      this.start(call, (isOk, value) =>
        resolve([
          isOk ? { worker, status: 'fulfilled', value } : { worker, status: 'rejected', reason: value },
        ]),
      );
    });
  }

  leave(task: DirectTask): void {
    this.#line.remove(task);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    void this.references.close();
    for (const task of this.#tasks) task.fail(closed(!task.isWaiting));
    return Promise.resolve();
  }

  async #work(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let task = this.#line.shift(); task; task = this.#line.shift()) {
      const executed = this.#execute(task);
      // A loop over a stream may make calls of its own, which are not to wait for the end of it.
      if (!task.stream) await executed;
    }
    this.#isRunning = false;
  }

  /** Ends when the task is settled: what a limit has given up on goes on beside the next one. */
  async #execute(task: DirectTask): Promise<void> {
    const settled = withResolvers<void>();
    let scope = new InlineScope(task);
    const leave = () => {
      scope.giveUp(cancelled(task));
      settled.resolve();
    };
    task.sent({ leave }, 1);
    let limit: NodeJS.Timeout | undefined;
    const attempt = () => {
      let isOver = false;
      const own = (scope = new InlineScope(task));
      const failed = (code: ErrorCode | 'thrown', reason: unknown) => {
        if (isOver) return;
        isOver = true;
        own.giveUp(reason);
        clearTimeout(limit);
        const delayMs = task.attemptFailed(code, reason);
        if (delayMs !== undefined) limit = setTimeout(attempt, delayMs);
      };
      const begin = () => {
        if (task.options.timeoutMs !== undefined)
          limit = setTimeout(() => failed('timeout', timeout(task)), task.options.timeoutMs);
        return callCopied(this.#functionOf(task), task, own.signal);
      };
      void own
        .run(() => this.#afterSetups(task, begin))
        .then(
          (value) => {
            if (isOver) return;
            own.over();
            task.succeed(value);
          },
          (error: unknown) => {
            if (!isOver) own.over();
            failed(error instanceof PoolError ? error.code : 'thrown', error);
          },
        );
    };
    attempt();
    await settled.promise;
    clearTimeout(limit);
  }

  /** @throws PoolError `not-shippable` */
  #functionOf(task: DirectTask): AnyFunction {
    return this.#compiled.functionOf(this.#callees.get(task) as Callee, task.fn);
  }

  async #afterSetups(task: DirectTask, begin: () => Promise<unknown>): Promise<unknown> {
    provideRequire();
    await this.#setups.runFor(task);
    return task.isSettled ? undefined : begin();
  }
}

async function callCopied(fn: AnyFunction, task: DirectTask, signal: AbortSignal): Promise<unknown> {
  let value: unknown;
  try {
    const args = argumentsOf(task) as unknown[];
    value = await (task.stream ? goThrough(fn, args, task, signal) : fn(...args));
  } catch (thrown) {
    throw thrown instanceof RefusedStream ? thrown.reason : copyThrown(thrown);
  }
  try {
    return copy(value, 'the result');
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    throw new PoolError(error.code, error.message, { cause: error.cause, mayHaveRun: true });
  }
}

/** Makes values no faster than they are read, as on a worker. */
async function goThrough(
  fn: AnyFunction,
  args: unknown[],
  { name, stream }: DirectTask,
  signal: AbortSignal,
): Promise<void> {
  const run = new GeneratorRun(0);
  const hear = ({ allowed, left }: Demand) => {
    run.allow(allowed);
    if (left) run.leave();
  };
  if (stream) hear(stream.begin(hear));
  signal.addEventListener('abort', () => run.leave());
  await run.run(fn(...args), name, {
    send: (value) => {
      stream?.yielded(copy(value, 'a value of the stream'));
      // Timers and signals of this process get their turn, however fast it is.
      return setImmediate();
    },
    waitsForCode: () => undefined,
  });
}

/** Copied when the call was made; primitive values need no copy. */
function argumentsOf({ args, puts }: DirectTask): unknown {
  const list = 'data' in args ? decodePayload(args) : [...args];
  for (const { index, content } of puts) (list as unknown[])[index] = readPut(content);
  return list;
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

function cancelled(task: DirectTask): PoolError {
  return new PoolError('cancelled', `\`${task.name}\` was given up`, { mayHaveRun: true });
}

function timeout(task: DirectTask): PoolError {
  const message = `\`${task.name}\` ran longer than its timeoutMs of ${task.options.timeoutMs}`;
  return new PoolError('timeout', message, { mayHaveRun: true });
}

function closed(mayHaveRun: boolean): PoolError {
  return new PoolError('closed', 'this pool is closed', { mayHaveRun });
}
