import { type ErrorCode, PoolError } from '../core/errors.js';
import type { AnyFunction } from '../wire/functions/compile.js';
import { KeptValues, TaskScopes } from '../wire/functions/current.js';
import type { Failure } from '../wire/outcome.js';
import { decodePayload, type Encoding, type Payload } from '../wire/values/payload.js';
import type { Board } from './board.js';
import type { CalledFunction } from './called-function.js';
import type { Delays } from './delays.js';
import { failureOf, thrownFailure } from './failures.js';
import { codeUnknown, type FunctionCache } from './function-cache.js';
import { type ScopeHost, type TaskOrigin, TaskScope } from './task-scope.js';
import type { TaskNews, ThreadMessage } from './thread-messages.js';

/** How long tasks may keep the thread before it looks after its wires, in ms. */
const BREATH_MS = 1;

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
  /** Of one task whose caller wants to know where its time goes. */
  delays?: Delays | undefined;
  outbox: Outbox;
  /** Undefined where the caller has not said who calls. */
  origin?: TaskOrigin | undefined;
  /** Of one task that comes alone, where its caller has named it. */
  taskId?: string;
  /** Whether it is to have a thread of its own; then it is one task, and its source is here. */
  isolate?: boolean;
  /** Known from its first task on. */
  fn?: AnyFunction;
}

/** What keeps the thread alive while none of its tasks needs it. */
export interface ThreadHold {
  /** The thread may run out of things to wait for: it will be told. */
  release(): void;
  take(): void;
}

/** Where tasks run. */
export interface Surroundings {
  readonly workerId: string;
  readonly hold: ThreadHold;
  readonly tellNews: (news: TaskNews) => void;
  readonly runIsolated: RunIsolated;
}

type Abort = (code: ErrorCode, message: string) => void;

/**
 * Runs the one task of a job in a thread of its own, from its beginning on the board to its outcome; never rejects.
 *
 * @param onStarted is given what tells the task that it is to end.
 */
export type RunIsolated = (job: Job, args: Payload, onStarted: (abort: Abort) => void) => Promise<void>;

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
    delays?: Delays,
  ): void;
  /** The same for a result that was encoded elsewhere. */
  encoded(epoch: number, number: number, result: Payload, runMs: number, delays?: Delays): void;
  failed(number: number, count: number, failure: Failure, runMs: number, delays?: Delays): void;
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
  readonly #hold: ThreadHold;
  readonly #runIsolated: RunIsolated;
  #abortIsolated: Abort | undefined;
  readonly #host: ScopeHost;
  readonly scopes = new TaskScopes<TaskScope>();
  /** Of the task that runs, or ran last. */
  #scope: TaskScope | undefined;
  /** Ends the wait for a promise that the task has returned. */
  #giveUp: ((reason: PoolError) => void) | undefined;
  #isRunning = false;
  /** Whether the thread would live on with nothing to wait for. Not while it waits for a promise of a task. */
  #isHeld = true;
  /** When the thread last looked after its wires. */
  #breathedAt = 0;

  constructor(
    board: Board,
    functions: FunctionCache,
    tell: (message: ThreadMessage) => void,
    { workerId, hold, tellNews, runIsolated }: Surroundings,
  ) {
    this.#runIsolated = runIsolated;
    this.#board = board;
    this.#functions = functions;
    this.#tell = tell;
    this.#hold = hold;
    this.#host = {
      workerId,
      kept: new KeptValues(),
      heeded: (scope) => this.#onHeeded(scope),
      tell: tellNews,
    };
  }

  /** Tells the task that runs, if it is that one, that it is to end. */
  abort(epoch: number, number: number, code: ErrorCode, message: string): void {
    const { last } = this.#board;
    if (last.epoch !== epoch || last.number !== number) return;
    if (this.#abortIsolated) this.#abortIsolated(code, message);
    else this.#scope?.abort(code, message);
  }

  /** The thread has nothing left to wait for: neither has the task that runs, so it would never end. */
  nothingLeft(): void {
    const message = `\`${this.#board.running?.name}\` waits for a promise that nothing is left to settle: no timer, no connection, no file`;
    this.#take();
    this.#giveUp?.(new PoolError('exited', message, { mayHaveRun: true }));
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
    this.#take();
  }

  #run(job: Job): Promise<void> | undefined {
    if (job.outbox.isClosed) return undefined;
    if ('data' in job.args) return this.#runWith(job, job.args);
    return this.#runPulled(job, job.args);
  }

  async #runPulled(job: Job, args: PulledLater): Promise<void> {
    let pulled: Payload;
    this.#take();
    try {
      pulled = await args.pull();
    } catch (error) {
      return job.outbox.failed(job.number, job.count, failureOf(error, false), 0);
    }
    await this.#runWith(job, pulled);
  }

  #runWith(job: Job, args: Payload): Promise<void> | undefined {
    const { number, count, functionId, source, outbox } = job;
    if (job.isolate) return this.#runAlone(job, args);
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

  async #runAlone(job: Job, args: Payload): Promise<void> {
    this.#take();
    await this.#runIsolated(job, args, (abort) => (this.#abortIsolated = abort));
    this.#abortIsolated = undefined;
  }

  /** Stays in one turn while functions return at once; the first promise makes the rest wait for it. */
  #runFrom(job: Job, lists: unknown[][], first: number): Promise<void> | undefined {
    const { epoch, timeoutMs, outbox } = job;
    for (let index = first; index < lists.length && !outbox.isClosed; index++) {
      if (this.#isBreathDue(job)) return this.#breathe(job).then(() => this.#runFrom(job, lists, index));
      const number = job.number + index;
      const { origin, taskId } = job;
      const serial = taskId ? 0 : origin && origin.serial + index;
      if (!this.#board.begin(epoch, number, job.name, taskId ?? origin?.client, serial)) {
        outbox.notBegun(number, lists.length - index);
        this.#tell({ type: 'idle' });
        return undefined;
      }
      if (timeoutMs !== undefined) this.#tell({ type: 'begun', epoch, number, timeoutMs });
      const startedAt = performance.now();
      if (job.delays) job.delays.waitMs = startedAt - job.delays.arrivedAt - job.delays.decodeMs;
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
        this.#scope = new TaskScope(job, index, this.#host);
        value = this.scopes.run(this.#scope, job.fn, lists[index] as unknown[]);
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

  #await(job: Job, number: number, value: PromiseLike<unknown>, startedAt: number): Promise<void> {
    if (!this.#scope?.heedsSignal) this.#release();
    return new Promise((resolve) => {
      let isOver = false;
      const end = (conclude: (runMs: number) => void) => {
        if (isOver) return;
        isOver = true;
        this.#giveUp = undefined;
        conclude(performance.now() - startedAt);
        resolve();
      };
      this.#giveUp = (reason) => end((runMs) => this.#failWith(job, number, failureOf(reason, true), runMs));
      const fail = (thrown: unknown) => end((runMs) => this.#fail(job, number, thrown, runMs));
      try {
        Promise.resolve(value).then(
          (result) => end((runMs) => this.#succeed(job, number, result, runMs)),
          fail,
        );
      } catch (thrown) {
        fail(thrown); // What only looks like a promise may do anything when it is asked.
      }
    });
  }

  #release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#hold.release();
  }

  #take(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#hold.take();
  }

  /** It may wait for nothing else than this signal. */
  #onHeeded(scope: TaskScope): void {
    if (scope !== this.#scope) return;
    this.#take();
    this.#board.heed(scope.cancelGraceMs);
  }

  #succeed(job: Job, number: number, value: unknown, runMs: number): void {
    let failure: Failure | undefined;
    if (this.#endsAborted(job)) return;
    try {
      job.outbox.succeeded(job.epoch, number, value, job.args.encoding, runMs, job.apart, job.delays);
    } catch (error) {
      failure = failureOf(error, true);
    }
    this.#finish(job, failure === undefined);
    if (failure) job.outbox.failed(number, 1, failure, runMs, job.delays);
  }

  #fail(job: Job, number: number, thrown: unknown, runMs: number): void {
    this.#failWith(job, number, thrownFailure(thrown, job.args.encoding), runMs);
  }

  #failWith(job: Job, number: number, failure: Failure, runMs: number): void {
    if (this.#endsAborted(job)) return;
    this.#finish(job, false);
    job.outbox.failed(number, 1, failure, runMs, job.delays);
  }

  /** The task has ended. Of one that was told to end the main thread has told how, and nothing else counts. */
  #endsAborted(job: Job): boolean {
    this.#scope?.settled();
    if (job.delays) job.delays.quiet = this.#scope?.hasTold === false;
    if (!this.#scope?.isAborted) return false;
    this.#finish(job, false);
    return true;
  }

  /** @param isCompleted undefined for what turned out to be nothing that runs. */
  #finish({ epoch }: Job, isCompleted: boolean | undefined): void {
    this.#board.finish(isCompleted);
    if (this.#board.isOver(epoch) || this.#scope?.isAborted) this.#tell({ type: 'idle' });
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
function argumentLists({ isList, count, inserts = [], delays }: Job, args: Payload): unknown[][] {
  const startedAt = delays ? performance.now() : 0;
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
  if (delays) delays.decodeMs = performance.now() - startedAt;
  return lists as unknown[][];
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
