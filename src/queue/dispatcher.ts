import { messageOf, PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { Verdict } from '../core/queue/task.js';
import type { DirectTask } from '../client/direct/direct-task.js';
import type { CallOptions } from '../client/options.js';
import { type Took, UndecodedFailure } from '../client/outcome.js';
import type { Insert } from '../client/shipping/ship.js';
import type { TaskOutcomes__Output } from '../wire/generated/offhand/v1/TaskOutcomes.js';
import { checkSize } from '../wire/values/size-limit.js';
import { payloadFrom } from '../wire/values/payload.js';
import { type ClaimedStanding, type Course, courseOf, type Made, type TaskWords } from './course.js';
import { type Executors, needsOf } from './executors.js';
import { TaskLog, type TaskNews, type TaskProgress } from './task-log.js';
import { errorFor, failureOf } from './verdicts.js';
import type { AttemptKey, Claim, ClaimedTask, Settlement, TaskOutcome, TaskStore } from './store.js';

/** For how long a task is claimed, in ms; renewed after a third of it. */
const CLAIM_MS = 30_000;

/** When a task that could not be claimed, or a worker that could not be reached, is tried again, in ms. */
const RETRY_MS = 1_000;

/** The failure of a task that waited for a worker in vain. */
const NO_WORKER = 'the pool has no worker';

/** What becomes of the tasks that it was given. */
export interface DispatcherEvents {
  /** It was given to a worker, for the first time since it was claimed. */
  began(task: ClaimedTask): void;
  told(id: TaskId, news: TaskNews): void;
  /** It has ended. */
  ended(settlement: Settlement): void;
  /** It did not run, or somebody else has it. */
  released(id: TaskId, delayMs: number): void;
  /** The store cannot be written to; it is tried again. */
  storeFailed(error: unknown): void;
}

/** A task between its claim and its outcome. */
interface Attempt {
  /** 0 until it is claimed. */
  number: number;
  readonly claimedAt: number;
  /** When it was given to the executor. */
  startedAt: number;
  started: DirectTask | undefined;
  /** Undefined while no worker has had it since it was claimed. */
  made: Made | undefined;
  log: TaskLog | undefined;
  /** How it is to end, where that was decided before it began. */
  verdict: Verdict | undefined;
}

/** Takes tasks from the store, runs them as any client does, and brings their outcomes back, undecoded. */
export class Dispatcher {
  readonly #store: TaskStore;
  readonly #executors: Executors;
  readonly #events: DispatcherEvents;
  readonly #holder: string;
  readonly #attempts = new Map<TaskId, Attempt>();
  readonly #renewal: NodeJS.Timeout;
  #isClosed = false;

  /** @param holder one life of this coordinator. */
  constructor(store: TaskStore, executors: Executors, holder: string, events: DispatcherEvents) {
    this.#store = store;
    this.#executors = executors;
    this.#events = events;
    this.#holder = holder;
    this.#renewal = setInterval(() => void this.#renew(), CLAIM_MS / 3);
    this.#renewal.unref();
  }

  get #claim(): Claim {
    return { holder: this.#holder, until: Date.now() + CLAIM_MS };
  }

  /** Why a task that could run is not run, where no worker there is would do. */
  lackFor(requires: readonly string[]): string | undefined {
    if (this.#executors.of(needsOf(requires)).hasWorkers) return undefined;
    return requires.length === 0 ? NO_WORKER : `the pool has no worker with ${requires.join(', ')}`;
  }

  async claim(ids: readonly TaskId[]): Promise<void> {
    // One instant on two clocks: what lies between would be counted as time before it and after it.
    const [claimedAt, at] = [performance.now(), Date.now()];
    for (const id of ids) this.#attempts.set(id, attemptAt(claimedAt, 0));
    let claimed: (ClaimedTask | undefined)[];
    try {
      claimed = await this.#store.claim(ids, this.#claim, at);
    } catch (error) {
      this.#events.storeFailed(error);
      for (const id of ids) this.#giveUp(id, RETRY_MS);
      return;
    }
    if (this.#isClosed) return;
    const plain: ClaimedTask[] = [];
    claimed.forEach((task, index) => {
      if (!task) return this.#giveUp(ids[index] as TaskId, RETRY_MS);
      const attempt = this.#attempts.get(task.spec.id);
      if (attempt) attempt.number = task.attempt;
      if (task.spec.results.length > 0) void this.#startWithResults(task);
      else plain.push(task);
    });
    for (const task of plain) this.#start(task, []);
  }

  /** Begins what came claimed. */
  take(tasks: readonly ClaimedTask[]): void {
    const claimedAt = performance.now();
    for (const task of tasks) {
      this.#attempts.set(task.spec.id, attemptAt(claimedAt, task.attempt));
      if (task.spec.results.length > 0) void this.#startWithResults(task);
      else this.#start(task, []);
    }
  }

  has(id: TaskId): boolean {
    return this.#attempts.has(id);
  }

  /** Ends an attempt before its time. Its task then has the outcome that the verdict says. */
  stop(id: TaskId, verdict: Verdict): void {
    const attempt = this.#attempts.get(id);
    if (!attempt) return;
    attempt.verdict = verdict;
    const { started } = attempt;
    started?.fail(errorFor(verdict, id, !started.isWaiting));
  }

  /** What a claimed task has told so far. */
  logOf(id: TaskId): TaskLog | undefined {
    return this.#attempts.get(id)?.log;
  }

  /** How a claimed task stands. @param lineMs for how long it stood in line before. */
  standingOf({ id, requires }: TaskWords, lineMs: number): ClaimedStanding | undefined {
    const attempt = this.#attempts.get(id);
    if (!attempt) return undefined;
    const now = performance.now();
    const course = { ...courseOf(attempt.started, attempt, undefined, now), lineMs };
    const { lines = [], progress } = attempt.log ?? {};
    const words = this.#wordsFor(attempt, requires, course, now);
    return { words, course, progress, lines, made: attempt.made };
  }

  /** What a worker has had of a claimed task: null where none has so far, undefined where it is not claimed here. */
  madeOf(id: TaskId): Made | null | undefined {
    const attempt = this.#attempts.get(id);
    return attempt && (attempt.made ?? null);
  }

  #wordsFor(
    { started, verdict, log }: Attempt,
    requires: readonly string[],
    { worker }: Course,
    now: number,
  ): string {
    if (verdict) return 'is being stopped';
    if (!started) return 'is on its way out of the store';
    if (!started.isWaiting)
      return `with ${worker} for ${Math.round(now - started.sentAt)} ms${inPercent(log?.progress)}`;
    const lack = this.lackFor(requires);
    if (lack !== undefined) return lack;
    if (started.isSuspect) return 'it may have cost a worker, and waits for one of its own';
    const others = this.#attempts.size - 1;
    return `no worker is free: it is among the next, with ${others} others that run or wait like it`;
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#renewal);
    await this.#executors.close();
  }

  async #startWithResults(task: ClaimedTask): Promise<void> {
    const { results, args, id } = task.spec;
    try {
      const outcomes = await this.#store.outcomes(results.map((result) => result.id));
      const inserts: Insert[] = outcomes.map((outcome, index) => {
        const result = results[index];
        if (outcome && outcome !== 'dropped' && outcome.state === 'succeeded' && result)
          return { index: result.index, value: outcome.result };
        throw new PoolError('result-dropped', `\`${task.spec.name}\`: the result of ${result?.id} is gone`);
      });
      const bytes = inserts.reduce((sum, { value }) => sum + value.data.length, args.data.length);
      checkSize(bytes, `\`${task.spec.name}\`: its arguments, with the results among them`);
      this.#start(task, inserts);
    } catch (error) {
      if (error instanceof PoolError) this.#settled(id, false, error);
      else {
        this.#events.storeFailed(error);
        this.#giveUp(id, RETRY_MS);
      }
    }
  }

  #start(task: ClaimedTask, inserts: readonly Insert[]): void {
    const { spec, fn } = task;
    const attempt = this.#attempts.get(spec.id);
    if (!attempt || this.#isClosed) return;
    const { id, name, args, timeoutMs, retries, retryOn, priority, requires, expectedMs } = spec;
    if (attempt.verdict) return this.#settled(id, false, errorFor(attempt.verdict, id, false));
    const options: CallOptions = {
      priority,
      onProgress: (fraction, note) => {
        const progress = { fraction, note };
        (attempt.log ??= new TaskLog()).progress = progress;
        this.#events.told(id, { progress });
      },
      logs: ({ text, stream }) => {
        const log = (attempt.log ??= new TaskLog());
        const number = attempt.made?.attempt ?? attempt.number;
        this.#events.told(id, { line: log.add(number, text, stream === 'stderr', Date.now()) });
      },
    };
    // One after the other: this is done for each task, and spreading takes more memory than all the rest of it.
    if (expectedMs !== undefined) options.expectedMs = expectedMs;
    if (timeoutMs !== undefined) options.timeoutMs = timeoutMs;
    if (retries !== undefined) options.retries = retries;
    if (retryOn !== undefined) options.retryOn = retryOn;
    attempt.startedAt = performance.now();
    const onSent = () => {
      const isFirst = !attempt.made;
      // Of the first it is not there yet: it may be sent before this has come back.
      attempt.made = { attempt: attempt.started?.attempt ?? attempt.number, at: Date.now() };
      if (isFirst) this.#events.began(task);
    };
    const known = { id, attempt: attempt.number, onSent };
    attempt.started = this.#executors
      .of(needsOf(requires))
      .startShipped({ fn, args, name, options, inserts, isOpaque: true, task: known }, (isOk, value) =>
        this.#settled(id, isOk, value),
      );
  }

  #settled(id: TaskId, isOk: boolean, value: unknown): void {
    const attempt = this.#attempts.get(id);
    if (!attempt) return;
    if (!isOk && isNobodysFault(value) && !attempt.verdict) {
      // What the end of the pool cut short stays claimed: whoever takes it up knows that it may have run.
      if (value.mayHaveRun && this.#isClosed) return;
      void this.#release({ id, attempt: attempt.number });
      return;
    }
    const took = isOk ? (value as TaskOutcomes__Output) : tookOf(value, attempt.started);
    const course = attempt.started && courseOf(attempt.started, attempt, took, performance.now());
    const outcome = isOk ? succeeded(value) : failed(value, attempt.verdict, took.runMs);
    this.#attempts.delete(id);
    const lines = attempt.log?.lines;
    this.#events.ended({
      id,
      attempt: attempt.number,
      outcome,
      at: Date.now(),
      // The executor goes on counting from the attempt that was claimed.
      retries: attempt.made ? attempt.made.attempt - attempt.number : 0,
      startedAt: attempt.made?.at,
      course,
      ...(lines && { log: lines }),
    });
  }

  async #release(attempt: AttemptKey): Promise<void> {
    try {
      await this.#store.release([attempt]);
    } catch (error) {
      this.#events.storeFailed(error);
    }
    this.#giveUp(attempt.id, RETRY_MS);
  }

  #giveUp(id: TaskId, delayMs: number): void {
    this.#attempts.delete(id);
    this.#events.released(id, delayMs);
  }

  async #renew(): Promise<void> {
    const attempts = [...this.#attempts].map(([id, { number }]) => ({ id, attempt: number }));
    if (attempts.length === 0) return;
    try {
      await this.#store.renew(attempts, this.#claim);
    } catch (error) {
      this.#events.storeFailed(error);
    }
  }
}

function attemptAt(claimedAt: number, number: number): Attempt {
  return {
    number,
    claimedAt,
    startedAt: claimedAt,
    started: undefined,
    made: undefined,
    log: undefined,
    verdict: undefined,
  };
}

function inPercent(progress: TaskProgress | undefined): string {
  if (!progress) return '';
  const { fraction, note } = progress;
  return `, ${Math.floor(fraction * 100)} %${note === undefined ? '' : ` (${note})`}`;
}

/** The pool ended, or a worker could not be reached: says nothing about the task. */
function isNobodysFault(reason: unknown): reason is PoolError {
  if (!(reason instanceof PoolError) || reason instanceof UndecodedFailure) return false;
  return reason.code === 'closed' || (reason.code === 'unavailable' && !reason.mayHaveRun);
}

function succeeded(value: unknown): TaskOutcome {
  const { results, runMs } = value as TaskOutcomes__Output;
  try {
    return { state: 'succeeded', result: payloadFrom(results, 'results'), runMs };
  } catch (error) {
    const failure = { code: 'internal' as const, message: messageOf(error), mayHaveRun: true };
    return { state: 'failed', failure, runMs };
  }
}

/** Of one whose slot can tell nothing any more, all the time since it was sent counts as run. */
function tookOf(reason: unknown, task: DirectTask | undefined): Took {
  if (reason instanceof UndecodedFailure && reason.took) return reason.took;
  return { waitMs: 0, decodeMs: 0, quiet: false, runMs: task?.wasSent ? performance.now() - task.sentAt : 0 };
}

function failed(reason: unknown, verdict: Verdict | undefined, runMs: number): TaskOutcome {
  const state = verdict?.kind === 'cancelled' ? 'cancelled' : 'failed';
  return { state, failure: failureOf(reason), runMs };
}
