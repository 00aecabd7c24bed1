import { inspect } from 'node:util';
import { messageOf, PoolError } from '../core/errors.js';
import type { AnyFunction } from '../wire/functions/compile.js';
import type { Failure } from '../wire/outcome.js';
import { decodePayload, encodePayload, type Encoding, type Payload } from '../wire/values/payload.js';
import { isError } from '../wire/values/uncloneable.js';
import type { Board } from './board.js';
import type { CalledFunction } from './called-function.js';
import { codeUnknown, type FunctionCache } from './function-cache.js';
import type { ThreadMessage } from './thread-messages.js';

/** How long tasks may keep the thread before it looks after its wires, in ms. */
const BREATH_MS = 1;

/** Of what a function threw, name, message and stack go along in words, each at most this long. */
const MAX_WORDS = 64 * 1024;

/** Tasks of one function under one lease, numbered without a gap. */
export interface Job extends CalledFunction {
  epoch: number;
  /** Of the first. */
  number: number;
  count: number;
  /**
   * Of one task the array of its arguments; with `isList` an array of such arrays, one per task. Large ones are pulled
   * before the task begins.
   */
  args: Payload | PulledLater;
  isList: boolean;
  /** Among the arguments of one task, by position: they were encoded by themselves. */
  inserts?: readonly { index: number; value: Payload }[];
  /** Whether every result is encoded by itself. */
  apart?: boolean;
  outbox: Outbox;
  /** Known from its first task on. */
  fn?: AnyFunction;
}

/** Arguments that are still elsewhere. */
export interface PulledLater {
  encoding: Encoding;
  pull(): Promise<Payload>;
}

/** Where the outcomes of a job go. */
export interface Outbox {
  /** @param apart whether the result is to be encoded by itself. */
  succeeded(
    epoch: number,
    number: number,
    value: unknown,
    encoding: Encoding,
    runMs: number,
    apart?: boolean,
  ): void;
  failed(number: number, count: number, failure: Failure, runMs: number): void;
  notBegun(number: number, count: number): void;
  /** Sends what is ready. */
  flush(): void;
  /** Whether there is something that would be lost with the thread, or held up by what it runs next. */
  readonly mustFlush: boolean;
  /** Whether a message is still on its way out of this thread. */
  readonly isWriting: boolean;
  /** Nobody would receive an outcome any more. */
  readonly isClosed: boolean;
}

/**
 * Runs the tasks of one slot in its thread, one after another. Nothing begins under a lease that is over; whatever goes
 * wrong is the task's outcome.
 */
export class TaskRunner {
  readonly #board: Board;
  readonly #functions: FunctionCache;
  readonly #tell: (message: ThreadMessage) => void;
  readonly #jobs: Job[] = [];
  #isRunning = false;
  /** When the thread last looked after its wires. */
  #breathedAt = 0;

  constructor(board: Board, functions: FunctionCache, tell: (message: ThreadMessage) => void) {
    this.#board = board;
    this.#functions = functions;
    this.#tell = tell;
  }

  add(job: Job): void {
    this.#jobs.push(job);
    if (!this.#isRunning) void this.#runAll();
  }

  /** Begins in the caller's turn of the event loop: a call that comes alone waits for nothing. */
  async #runAll(): Promise<void> {
    this.#isRunning = true;
    this.#breathedAt = performance.now();
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      // The next tasks may be read in the turn in which the last outcomes were written, and those leave only after it.
      if (job.outbox.isWriting) await this.#breathe(job);
      const running = this.#run(job);
      if (running) await running;
      // What is ready goes out with what the next job makes ready, or at its breath.
      if (this.#jobs.length === 0) job.outbox.flush();
      else if (this.#jobs[0]?.outbox !== job.outbox) job.outbox.flush();
    }
    this.#isRunning = false;
  }

  #run(job: Job): Promise<void> | undefined {
    if (job.outbox.isClosed) return undefined;
    if ('data' in job.args) return this.#runWith(job, job.args);
    return this.#runPulled(job, job.args);
  }

  async #runPulled(job: Job, args: PulledLater): Promise<void> {
    let pulled: Payload;
    try {
      pulled = await args.pull();
    } catch (error) {
      return job.outbox.failed(job.number, job.count, failureOf(error, false), 0);
    }
    await this.#runWith(job, pulled);
  }

  #runWith(job: Job, args: Payload): Promise<void> | undefined {
    const { number, count, functionId, source, outbox } = job;
    let lists: unknown[][];
    try {
      if (source === undefined && !this.#functions.has(functionId)) throw codeUnknown(functionId);
      lists = argumentLists(job, args);
    } catch (error) {
      outbox.failed(number, count, failureOf(error, false), 0);
      return undefined;
    }
    return this.#runFrom(job, lists, 0);
  }

  /** Stays in one turn while functions return at once; the first promise makes the rest wait for it. */
  #runFrom(job: Job, lists: unknown[][], first: number): Promise<void> | undefined {
    const { epoch, timeoutMs, outbox } = job;
    for (let index = first; index < lists.length && !outbox.isClosed; index++) {
      if (this.#isBreathDue(job)) return this.#breathe(job).then(() => this.#runFrom(job, lists, index));
      const number = job.number + index;
      if (!this.#board.begin(epoch, number, job.name)) {
        outbox.notBegun(number, lists.length - index);
        this.#tell({ type: 'idle' });
        return undefined;
      }
      if (timeoutMs !== undefined) this.#tell({ type: 'begun', epoch, number, timeoutMs });
      const startedAt = performance.now();
      let value: unknown;
      let isPromised: boolean;
      try {
        job.fn ??= this.#functions.get(job.functionId, job.source);
      } catch (error) {
        this.#finish(job, undefined);
        outbox.failed(number, lists.length - index, failureOf(error, false), 0);
        return undefined;
      }
      try {
        value = job.fn(...(lists[index] as unknown[]));
        isPromised = isThenable(value); // A hostile one throws here.
      } catch (thrown) {
        this.#fail(job, number, thrown, performance.now() - startedAt);
        continue;
      }
      if (isPromised) {
        return this.#await(job, number, value as PromiseLike<unknown>, startedAt).then(() =>
          this.#runFrom(job, lists, index + 1),
        );
      }
      this.#succeed(job, number, value, performance.now() - startedAt);
    }
    return undefined;
  }

  async #await(job: Job, number: number, value: PromiseLike<unknown>, startedAt: number): Promise<void> {
    let result: unknown;
    try {
      result = await value;
    } catch (thrown) {
      return this.#fail(job, number, thrown, performance.now() - startedAt);
    }
    this.#succeed(job, number, result, performance.now() - startedAt);
  }

  #succeed(job: Job, number: number, value: unknown, runMs: number): void {
    let failure: Failure | undefined;
    try {
      job.outbox.succeeded(job.epoch, number, value, job.args.encoding, runMs, job.apart);
    } catch (error) {
      failure = failureOf(error, true);
    }
    this.#finish(job, failure === undefined);
    if (failure) job.outbox.failed(number, 1, failure, runMs);
  }

  #fail(job: Job, number: number, thrown: unknown, runMs: number): void {
    this.#finish(job, false);
    job.outbox.failed(number, 1, thrownFailure(thrown, job.args.encoding), runMs);
  }

  /** @param isCompleted undefined for what turned out to be nothing that runs. */
  #finish({ epoch }: Job, isCompleted: boolean | undefined): void {
    this.#board.finish(isCompleted);
    if (this.#board.isOver(epoch)) this.#tell({ type: 'idle' });
  }

  #isBreathDue({ outbox }: Job): boolean {
    return outbox.mustFlush || performance.now() - this.#breathedAt >= BREATH_MS;
  }

  /** Lets go of the thread for a turn: what is ready goes out, what has come is read. */
  async #breathe({ outbox }: Job): Promise<void> {
    outbox.flush();
    await new Promise((resolve) => setImmediate(resolve));
    this.#breathedAt = performance.now();
  }
}

/** @throws PoolError `invalid-argument` */
function argumentLists({ isList, count, inserts = [] }: Job, args: Payload): unknown[][] {
  const value = decodePayload(args);
  const lists = isList ? value : [value];
  if (!Array.isArray(lists) || lists.length !== count || !lists.every(Array.isArray)) {
    const given = value === null ? 'null' : typeof value;
    throw new PoolError(
      'invalid-argument',
      isList
        ? `arguments: expected ${count} arrays of arguments`
        : `arguments: expected an array, got ${given}`,
    );
  }
  for (const { index, value: inserted } of inserts)
    for (const list of lists) (list as unknown[])[index] = decodePayload(inserted);
  return lists as unknown[][];
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

function failureOf(error: unknown, mayHaveRun: boolean): Failure {
  const known = error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
  return { code: known.code, message: known.message, mayHaveRun };
}

/** What a function threw: whole for the client, and in words for everybody else. */
function thrownFailure(thrown: unknown, encoding: Encoding): Failure {
  const failure: Failure = { code: 'thrown', ...inWords(thrown), mayHaveRun: true };
  if (encoding === 'JSON') return failure;
  try {
    return { ...failure, error: encodePayload(thrown, encoding, 'the thrown value') };
  } catch {
    return failure; // What cannot be copied still arrives in words.
  }
}

function inWords(thrown: unknown): Pick<Failure, 'message' | 'name' | 'stack'> {
  try {
    if (!isError(thrown)) return { message: text(inspect(thrown)) };
    return { message: text(thrown.message), name: text(thrown.name), stack: text(thrown.stack) };
  } catch {
    return { message: 'what the function threw cannot even be looked at' };
  }
}

/** A thrown error may hold anything where its words should be, and any amount of it. */
function text(value: unknown): string {
  const words = typeof value === 'string' ? value : value === undefined ? '' : inspect(value);
  return words.length <= MAX_WORDS ? words : `${words.slice(0, MAX_WORDS)}…`;
}
