import { Captures } from './shipping/captures.js';
import type { PoolExecutor, Settle, WorkerOutcome } from './executor.js';
import { mapBounded } from './map.js';
import { type ModuleOptions, openModule } from './modules/open-module.js';
import { type RemoteModule, remoteModule } from './modules/remote-module.js';
import type { Reference } from './shipping/references.js';
import type { SubmitOptions } from './submitted/submit-options.js';
import type { TaskClient, TaskFilter } from './submitted/task-client.js';
import type { TaskDetails } from './submitted/task-details.js';
import type { TaskHandle } from './submitted/task-handle.js';
import { PoolError } from '../core/errors.js';
import { type CallOptions, checkCallOptions, checkMapOptions, type MapOptions, refuse } from './options.js';
import { Setups } from './shipping/setups.js';
import { shipCall } from './shipping/ship.js';
import { throwToCaller } from './task-stack.js';
import { readStream } from './value-stream.js';

/** Arguments, each of which may be a reference to such a value instead. */
type OrReferences<A extends unknown[]> = { [K in keyof A]: A[K] | Reference<A[K]> };

/** What a function may give whose values are streamed. */
type Values<T> = Iterable<T> | AsyncIterable<T>;

/**
 * Runs functions on workers. Made by `connect` or `startPool`.
 *
 * A function travels as its source: it may use its arguments and what Node has built in, and imports what else it needs
 * inside itself. One that uses something else from around it is refused before it is sent. Arguments and results are copied
 * (structured clone). An error that the function throws arrives as it was thrown; everything else that goes wrong is a
 * PoolError.
 */
export class Pool {
  readonly #executor: PoolExecutor;
  readonly #tasks: TaskClient | undefined;
  readonly #options: CallOptions;
  readonly #captures: Captures;
  readonly #setups: Setups;

  /** @internal Pools are made by `connect` and `startPool`. */
  constructor(
    executor: PoolExecutor,
    tasks: TaskClient | undefined,
    options: CallOptions = {},
    captures = Captures.none,
    setups = new Setups(),
  ) {
    this.#executor = executor;
    this.#tasks = tasks;
    this.#options = options;
    this.#captures = captures;
    this.#setups = setups;
  }

  /** Runs `fn(...args)` on a free worker, as soon as there is one. */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: OrReferences<A>): Promise<Awaited<R>>;
  run<F extends (...args: never[]) => unknown>(
    fn: F,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>>;
  run<R>(fn: unknown, ...args: unknown[]): Promise<Awaited<R>> {
    return new Promise((resolve) => {
      const call = { fn, args, options: this.#options, captures: this.#captures, setups: this.#setups };
      this.#executor.start(call, (isOk, value) => {
        resolve(isOk ? (value as Awaited<R>) : throwToCaller(value));
      });
    });
  }

  /**
   * Runs `fn(item)` for every item and yields the results, in the order of the input unless told otherwise. The first
   * failure stops the rest, awaits what runs, and is thrown; with `errors: 'collect'` it is yielded instead. Leaving the
   * loop cancels what runs.
   */
  map<T, R>(
    fn: (item: T) => R,
    input: Iterable<T | Reference<T>> | AsyncIterable<T | Reference<T>>,
    options: MapOptions & { errors: 'collect' },
  ): AsyncGenerator<Awaited<R> | Error, void, void>;
  map<T, R>(
    fn: (item: T) => R,
    input: Iterable<T | Reference<T>> | AsyncIterable<T | Reference<T>>,
    options?: MapOptions,
  ): AsyncGenerator<Awaited<R>, void, void>;
  map<T, R>(
    fn: (item: T) => R,
    input: Iterable<T> | AsyncIterable<T>,
    options: MapOptions = {},
  ): AsyncGenerator<Awaited<R>, void, void> {
    checkMapOptions(options);
    checkInput(input);
    const { concurrency } = options;
    const { signal, ...callOptions } = this.#options;
    const [captures, setups] = [this.#captures, this.#setups];
    const callee = { fn, captures, setups };
    // Field by field: a spread for each item is measurable.
    const start = (item: T, settle: Settle) =>
      this.#executor.start({ fn, captures, setups, args: [item], options: callOptions }, settle);
    const room =
      concurrency === undefined ? () => this.#executor.appetite(callee, callOptions) : () => concurrency;
    return mapBounded(input, start, { ...options, concurrency: room }, signal);
  }

  /**
   * Runs a generator function on a worker, and yields its values as they are made: `for await (const row of pool.stream(rows,
   * file))`. The function may as well give, or promise, anything else that can be iterated. It begins when the first value is
   * asked for, and is never further ahead of the loop than `readAhead` (16). Leaving the loop has it return: its `finally` blocks
   * run before the loop is left. It is not begun again once a value of it has arrived.
   */
  stream<A extends unknown[], T>(
    fn: (...args: A) => Values<T> | Promise<Values<T>>,
    ...args: OrReferences<A>
  ): AsyncGenerator<Awaited<T>, void, void> {
    const options = this.#options;
    if (options.isolate)
      throw new PoolError(
        'invalid-argument',
        'isolate: a stream runs in the thread of its slot; use pool.with({ isolate: false }).stream(…)',
      );
    return readStream(
      (stream, settle) =>
        this.#executor.start({ fn, args, options, captures: this.#captures, stream }, settle),
      options,
    );
  }

  /**
   * Keeps a value for any number of calls: the reference that it resolves with may be an argument in its place. Each worker gets
   * the value once, when the first call there needs it. A Buffer or typed array is then a view of memory that all slots of a worker
   * share, anything else is decoded once in each slot: read them, and leave them as they are. The value is copied at once.
   *
   * @throws PoolError `not-cloneable`, `too-large`
   */
  // eslint-disable-next-line @typescript-eslint/require-await -- What is wrong is to reject, not to be thrown.
  async put<T>(value: T): Promise<Reference<T>> {
    return this.#executor.references.put(value);
  }

  /**
   * Submits a task: the pool keeps it, runs it when it is its turn, and keeps what comes of it, whatever becomes of this
   * process. Resolves when the pool has it: with `--store file:DIR`, when it is on disk. Handles among the arguments stand for
   * the results of their tasks.
   *
   * @throws PoolError as `pool.run`; `not-found` and `result-dropped` for handles of tasks that are not there
   */
  submit<A extends unknown[], R>(
    fn: (...args: A) => R,
    args: { [K in keyof A]: A[K] | TaskHandle<A[K]> },
    options: SubmitOptions = {},
  ): Promise<TaskHandle<Awaited<R>>> {
    return this.#queue('pool.submit').submit(this.#callee(fn), args, options) as Promise<
      TaskHandle<Awaited<R>>
    >;
  }

  /** Submits a task for each list of arguments; resolves when the pool has all of them. */
  submitMany<A extends unknown[], R>(
    fn: (...args: A) => R,
    lists: Iterable<A> | AsyncIterable<A>,
    options: SubmitOptions = {},
  ): Promise<TaskHandle<Awaited<R>>[]> {
    return this.#queue('pool.submitMany').submitMany(this.#callee(fn), lists, options) as Promise<
      TaskHandle<Awaited<R>>[]
    >;
  }

  /** The submitted task of this id, whoever has submitted it. Whether it is there shows when it is asked. */
  task<R = unknown>(id: string): TaskHandle<R> {
    return this.#queue('pool.task').handle(id) as TaskHandle<R>;
  }

  /** Submitted tasks, newest first. */
  tasks(filter: TaskFilter = {}): AsyncGenerator<TaskDetails, void, void> {
    return this.#queue('pool.tasks').list(filter);
  }

  /**
   * Has `fn(...args)` run once in each thread of a worker before the first call of this pool there, or of a pool made from it by
   * `with`: in those of workers that come later, and of threads that are replaced, too. It runs where a call is about to, so
   * this resolves at once. A call whose setup fails fails with `setup-failed`; the next one tries it again.
   *
   * Its time does not count for the `timeoutMs` of calls; that of `pool.with({ timeoutMs }).setup(…)` is its own.
   *
   * @throws PoolError as `pool.run` for what cannot be sent
   */
  setup<A extends unknown[]>(fn: (...args: A) => unknown, ...args: A): Promise<void> {
    return new Promise((resolve) => {
      const call = { fn, args, options: this.#options, captures: this.#captures };
      this.#setups.add(call, shipCall(call));
      resolve();
    });
  }

  /**
   * Runs `fn(...args)` once on every worker that is there now, in the next of its slots that is free, and resolves when it has
   * ended on all of them: with what became of it on each, in the order of their names. `requires` leaves out the workers that
   * lack something. The loss of a worker is its outcome, and not tried again.
   *
   * @throws PoolError as `pool.run` for what cannot be sent; `no-worker-fits`; `unavailable` when the coordinator does not answer
   */
  broadcast<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<WorkerOutcome<Awaited<R>>[]> {
    const call = { fn, args, options: this.#options, captures: this.#captures, setups: this.#setups };
    return this.#executor.broadcast(call) as Promise<WorkerOutcome<Awaited<R>>[]>;
  }

  #callee(fn: unknown) {
    return { fn, captures: this.#captures, setups: this.#setups, defaults: this.#options };
  }

  #queue(what: string): TaskClient {
    if (this.#tasks) return this.#tasks;
    throw new PoolError(
      'unavailable',
      `${what}: an inline pool keeps no tasks; run without OFFHAND_INLINE, or use pool.run`,
    );
  }

  /** The same pool with other call options; those given here go before those it has. What is captured is added, by name. */
  with(options: CallOptions): Pool {
    const { capture, ...others } = checkCallOptions(options);
    const captures = capture ? this.#captures.with(capture) : this.#captures;
    const setups = new Setups(this.#setups);
    return new Pool(this.#executor, this.#tasks, { ...this.#options, ...others }, captures, setups);
  }

  /**
   * Bundles a module with all that it imports, so that its functions can be run: `pool.run(image.resize, …)`. Give it the
   * module's type: `pool.module<typeof import('./image.ts')>(new URL('./image.ts', import.meta.url))`. The bundle is sent
   * once to each slot, which loads it once and keeps it. What has not changed is not bundled again.
   *
   * @throws PoolError `invalid-argument`; `not-shippable` for what cannot be bundled, or esbuild is missing; `too-large`
   */
  async module<M extends object = Record<string, (...args: unknown[]) => unknown>>(
    url: URL | string,
    options: ModuleOptions = {},
  ): Promise<RemoteModule<M>> {
    return remoteModule(await openModule(url, options)) as RemoteModule<M>;
  }

  /** Lets go of the pool: calls under way end in `closed`. What `startPool` started is stopped. */
  close(): Promise<void> {
    this.#tasks?.close();
    return this.#executor.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function checkInput(input: unknown): void {
  const isIterable =
    typeof input === 'string' ||
    (typeof input === 'object' &&
      input !== null &&
      (Symbol.iterator in input || Symbol.asyncIterator in input));
  if (isIterable) return;
  refuse('pool.map', 'an iterable or async iterable', input);
}
