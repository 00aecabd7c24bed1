import { type ErrorCode, PoolError } from '../../core/errors.js';
import type { AnyFunction } from '../../wire/functions/compile.js';
import { KeptValues, TaskScopes } from '../../wire/functions/current.js';
import type { Failure } from '../../wire/outcome.js';
import type { Payload } from '../../wire/values/payload.js';
import type { AttemptEnd, Audit } from '../audit.js';
import type { Board } from '../board.js';
import { failureOf, thrownFailure } from './failures.js';
import { codeUnknown, type FunctionCache, type MissingSetup } from './function-cache.js';
import type { Abort, Job, Outbox, PulledLater, RunIsolated } from './job.js';
import { setupJob } from './setup-job.js';
import { argumentLists } from './task-arguments.js';
import { type ScopeHost, TaskScope } from './task-scope.js';
import type { TaskStream } from './task-stream.js';
import { isThenable } from './thenable.js';
import type { TaskNews, ThreadMessage } from '../thread-messages.js';

/** How long tasks may keep the thread before it looks after its wires, in ms. */
const BREATH_MS = 1;

/** What keeps the thread alive while none of its tasks needs it. */
export interface ThreadHold {
  /** The thread may run out of things to wait for: it will be told. */
  release(): void;
  take(): void;
}

/** Where tasks run. */
export interface Surroundings {
  readonly workerId: string;
  readonly audit?: Audit | undefined;
  /** How much each attempt may print. */
  readonly maxOutputBytes: number;
  readonly hold: ThreadHold;
  readonly tellNews: (news: TaskNews) => void;
  readonly runIsolated: RunIsolated;
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
  readonly #audit: Audit | undefined;
  readonly #runIsolated: RunIsolated;
  #abortIsolated: Abort | undefined;
  readonly #host: ScopeHost;
  readonly scopes = new TaskScopes<TaskScope>();
  /** Of the task that runs, or ran last. */
  #scope: TaskScope | undefined;
  /** Ends the wait for a promise that the task has returned. */
  #giveUp: ((reason: PoolError) => void) | undefined;
  #isRunning = false;
  /** Taken up, or taken up last. */
  #job: Job | undefined;
  /** Whether the thread would live on with nothing to wait for. Not while it waits for a promise of a task. */
  #isHeld = true;
  /** When the thread last looked after its wires. */
  #breathedAt = 0;

  constructor(
    board: Board,
    functions: FunctionCache,
    tell: (message: ThreadMessage) => void,
    { workerId, maxOutputBytes, audit, hold, tellNews, runIsolated }: Surroundings,
  ) {
    this.#runIsolated = runIsolated;
    this.#board = board;
    this.#functions = functions;
    this.#tell = tell;
    this.#hold = hold;
    this.#audit = audit;
    this.#host = {
      workerId,
      maxOutputBytes,
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
    this.#job?.stream?.leave();
  }

  /** What a task that runs, or is still to run, sends as a stream. By default whichever runs. */
  streamOf(outbox: Outbox, number = this.#job?.number): TaskStream | undefined {
    return [this.#job, ...this.#jobs].find((job) => job?.outbox === outbox && job.number === number)?.stream;
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
      this.#job = job;
      // The next tasks may be read in the turn in which the last outcomes were written, and those leave only after it.
      if (job.outbox.isWriting) await this.#breathe(job);
      const running = this.#run(job);
      if (running) await running;
      // What is ready goes out with what the next job makes ready, or at its breath.
      if (this.#jobs.length === 0) job.outbox.flush();
      else if (this.#jobs[0]?.outbox !== job.outbox) job.outbox.flush();
    }
    this.#isRunning = false;
    this.#job = undefined;
    this.#take();
  }

  #run(job: Job): Promise<void> | undefined {
    if (job.outbox.isClosed) return undefined;
    // A thread that is started to find that out holds up those behind it, whose leases end meanwhile.
    if (this.#board.isOver(job.epoch)) return this.#notBegun(job, job.number, job.count);
    if ('data' in job.args) return this.#runWith(job, job.args);
    return this.#runPulled(job, job.args);
  }

  #notBegun({ outbox }: Job, number: number, count: number): undefined {
    outbox.notBegun(number, count);
    this.#tell({ type: 'idle' });
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
      const missing = this.#functions.missingSetup(functionId, source, job.name);
      if (missing) return this.#runAfter(missing, job, args);
      lists = argumentLists(job, args);
    } catch (error) {
      const failure = failureOf(error, false);
      if (failure.code === 'not-allowed') this.#audit?.refused(job, failure.code);
      outbox.failed(number, count, failure, 0);
      return undefined;
    }
    return this.#runFrom(job, lists, 0);
  }

  async #runAfter({ id, setup }: MissingSetup, job: Job, args: Payload): Promise<void> {
    job.outbox.flush();
    const first = setupJob(setup, job);
    await this.#runWith(first, first.args);
    const { epoch, number, timeoutMs } = first;
    if (timeoutMs !== undefined) this.#tell({ type: 'begun', epoch, number, timeoutMs: undefined });
    if (!first.outbox.hasSucceeded) return;
    this.#functions.noteSetup(id);
    await this.#runWith(job, args);
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
        return this.#notBegun(job, number, lists.length - index);
      }
      if (timeoutMs !== undefined) this.#tell({ type: 'begun', epoch, number, timeoutMs });
      const startedAt = performance.now();
      if (job.delays) job.delays.waitMs = startedAt - job.delays.arrivedAt - job.delays.decodeMs;
      let value: unknown;
      let isPromised: boolean;
      try {
        this.#scope = new TaskScope(job, index, this.#host);
        this.#audit?.begun(job, this.#scope, this.#functions);
        job.fn ??= this.#functions.get(job.functionId, job.source, job.name);
      } catch (error) {
        const failure = failureOf(error, false);
        this.#finish(job, failure.code, 0, false);
        outbox.failed(number, lists.length - index, failure, 0);
        return undefined;
      }
      try {
        const fn = job.stream ? this.#streaming(job, job.stream, job.fn) : job.fn;
        value = this.scopes.run(this.#scope, fn, lists[index] as unknown[]);
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
    if (!job.stream) this.#release();
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

  /** A generator always hears that it is to end: where it yields. */
  #streaming({ name, args, cancelGraceMs }: Job, stream: TaskStream, fn: AnyFunction): AnyFunction {
    this.#board.heed(cancelGraceMs);
    const scope = this.#scope;
    const hold = {
      release: () => scope?.isSettled || this.#release(),
      take: () => scope?.isSettled || this.#take(),
    };
    return stream.through(fn, { name, encoding: args.encoding, hold });
  }

  #release(): void {
    // It may wait for nothing else than its signal.
    if (!this.#isHeld || this.#scope?.heedsSignal) return;
    this.#isHeld = false;
    this.#hold.release();
  }

  #take(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#hold.take();
  }

  #onHeeded(scope: TaskScope): void {
    if (scope !== this.#scope) return;
    this.#take();
    this.#board.heed(scope.cancelGraceMs);
  }

  #succeed(job: Job, number: number, value: unknown, runMs: number): void {
    let failure: Failure | undefined;
    if (this.#endsAborted(job, runMs)) return;
    try {
      if (job.stream) job.stream.ended(runMs);
      else job.outbox.succeeded(job.epoch, number, value, job.args.encoding, runMs, job.apart, job.delays);
    } catch (error) {
      failure = failureOf(error, true);
    }
    this.#finish(job, failure?.code ?? 'completed', runMs);
    if (failure) job.outbox.failed(number, 1, failure, runMs, job.delays);
  }

  #fail(job: Job, number: number, thrown: unknown, runMs: number): void {
    this.#failWith(job, number, thrownFailure(thrown, job.args.encoding), runMs);
  }

  #failWith(job: Job, number: number, failure: Failure, runMs: number): void {
    if (this.#endsAborted(job, runMs)) return;
    this.#finish(job, failure.code, runMs);
    job.outbox.failed(number, 1, failure, runMs, job.delays);
  }

  /** The task has ended. Of one that was told to end the main thread has told how, and nothing else counts. */
  #endsAborted(job: Job, runMs: number): boolean {
    this.#scope?.settled();
    if (job.delays) job.delays.quiet = this.#scope?.hasTold === false;
    const code = this.#scope?.abortedFor;
    if (code === undefined) return false;
    this.#finish(job, code, runMs);
    return true;
  }

  /** @param isTask false for what turned out to be nothing that runs. */
  #finish({ epoch, isSetup }: Job, end: AttemptEnd, runMs: number, isTask = !isSetup): void {
    this.#board.finish(isTask ? end === 'completed' : undefined);
    if (this.#scope) this.#audit?.ended(this.#scope.taskId, end, runMs);
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
