import { Worker as Thread } from 'node:worker_threads';
import { messageOf, PoolError } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { Failure, Outcome } from '../wire/outcome.js';
import type { Payload } from '../wire/values/payload.js';
import { Board } from './board.js';
import { type Fate, Fates } from './fates.js';
import { Ledger } from './ledger.js';
import { addressOf, boundTo } from './slot-place.js';
import {
  isThreadMessage,
  type ThreadMessage,
  type ThreadOrder,
  type ThreadSettings,
} from './thread-messages.js';

/** A thread that has not ended this long after it was told to is stuck in native code: its process goes instead, in ms. */
const TERMINATE_LIMIT_MS = 1_000;

const THREAD = new URL('../worker/slot-thread.js', import.meta.url);

/** One unary call. */
export interface SlotCall {
  epoch: number;
  functionId: string;
  source: string | undefined;
  args: Payload;
  taskId: string;
  name: string;
  /** From the moment user code begins. */
  timeoutMs: number | undefined;
}

interface Attempt {
  readonly number: number;
  readonly taskId: string;
  readonly settle: (outcome: Outcome) => void;
}

export interface SlotEvents {
  /** A thread can be neither ended nor started: the process has to go. */
  stuck(): void;
  /** The thread was lost, and with it the lease. */
  lost(): void;
}

/**
 * Room for one attempt at a time, and the thread it runs in: what the worker's main thread has to say about it.
 *
 * Code that has to stop costs the thread: it is ended and another one started. Until that one is ready the slot is not
 * idle, so nothing begins beside code that still runs.
 */
export class Slot {
  readonly board = new Board();
  readonly #settings: ThreadSettings;
  readonly #events: SlotEvents;
  readonly #ledger = new Ledger();
  readonly #fates = new Fates();
  /** Undefined while a thread that was told to end has not done so. */
  #thread: Thread | undefined;
  #ready: Promise<void>;
  /** Whether any of its threads has been ready. */
  #hasStarted = false;
  #calls = 0;
  /** The unary call under way. */
  #attempt: Attempt | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Those who wait for the end of what runs. */
  readonly #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(settings: Omit<ThreadSettings, 'board' | 'ledger' | 'signingKey'>, events: SlotEvents) {
    this.#settings = {
      ...settings,
      board: this.board.buffer,
      ledger: this.#ledger.buffer,
      signingKey: undefined,
    };
    this.#events = events;
    [this.#thread, this.#ready] = this.#startThread();
    this.#ready.catch(() => undefined); // Whoever waits for the slot to be ready hears of it.
  }

  /** Where streams of tasks reach it; known once it is idle for the first time. */
  get address(): string {
    return addressOf(this.#settings.place);
  }

  set signingKey(signingKey: Uint8Array) {
    this.#settings.signingKey = signingKey;
    this.#order({ type: 'key', signingKey });
  }

  /** Resolves when nothing runs and the next task could begin. @throws Error when its first thread cannot start. */
  async whenIdle(): Promise<void> {
    for (;;) {
      await this.#ready;
      if (this.#isClosed || !this.board.isRunning) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** What runs, by the name that status documents give it. */
  get running(): { taskId: string; name: string; runningMs: number } | undefined {
    const running = this.board.running;
    if (!running) return undefined;
    const { epoch, number, name, runningMs } = running;
    const taskId = this.#attempt?.number === number ? this.#attempt.taskId : `${epoch}.${number}`;
    return { taskId, name, runningMs };
  }

  /**
   * Runs one unary call on an idle slot (see {@link whenIdle}). Settles exactly once, whatever becomes of the thread;
   * never rejects.
   */
  run({ taskId, args, ...call }: SlotCall): Promise<Outcome> {
    const { promise: settled, resolve: settle } = withResolvers<Outcome>();
    // Not to be taken for the number of a task of a stream.
    const number = -++this.#calls;
    this.#attempt = { number, taskId, settle };
    // The bytes are a view of the message they came in; only a buffer of their own can move to the thread.
    const data = new Uint8Array(args.data);
    this.#order({ type: 'run', call: number, ...call, args: { ...args, data } }, [data.buffer]);
    return settled;
  }

  /** Nothing more begins under this lease. What has begun goes on; it has ended when {@link whenIdle} resolves. */
  endLease(epoch: number): void {
    this.board.end(epoch);
    if (!this.#fates.get(epoch)) this.#fates.set(epoch, this.#fateNow(epoch));
  }

  /** What became of the tasks of a lease that has ended; undefined when it is forgotten. */
  fateOf(epoch: number): Fate | undefined {
    const fate = this.#fates.get(epoch);
    // Where no thread was lost, results may still be on their way.
    return fate && !fate.failure ? { ...fate, unsent: [...fate.unsent, ...this.#ledger.read(epoch)] } : fate;
  }

  /** Stops what runs, if anything does, and gives it this outcome. The slot is idle again when {@link whenIdle} resolves. */
  abort(reason: PoolError): void {
    const running = this.board.running;
    if ((!running && !this.#attempt) || this.#isClosed) return;
    const mayHaveRun = running !== undefined;
    this.#settle({ code: reason.code, message: reason.message, mayHaveRun });
    this.#replaceThread();
  }

  /** Resolves when the thread has ended by itself, or after a while when it has not. */
  async whenLost(withinMs: number): Promise<void> {
    const thread = this.#thread;
    if (!thread) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        thread.off('exit', end);
        resolve();
      };
      const timer = setTimeout(end, withinMs);
      thread.once('exit', end);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#settle({ code: 'worker-lost', message: 'the worker was stopped', mayHaveRun: true });
    this.#release();
    await this.#terminate(this.#thread);
  }

  #order(order: ThreadOrder, transfer: ArrayBuffer[] = []): void {
    this.#thread?.postMessage(order, transfer);
  }

  #startThread(): [Thread, Promise<void>] {
    const thread = new Thread(THREAD, { workerData: this.#settings });
    let reason: unknown;
    let isReady = false;
    const ready = new Promise<void>((resolve, reject) => {
      thread.on('message', (message: ThreadMessage | null) => {
        // User code can post to this port too; what is none of ours is passed over.
        if (!isThreadMessage(message) || thread !== this.#thread) return;
        if (message.type === 'ready') {
          isReady = true;
          this.#hasStarted = true;
          this.#settings.place = boundTo(this.#settings.place, message.port);
          resolve();
        } else this.#onMessage(message);
      });
      thread.on('error', (error) => (reason = error));
      thread.on('exit', (code) => {
        if (thread !== this.#thread || this.#isClosed) return;
        if (isReady) this.#onExit(code, reason);
        else if (this.#hasStarted) this.#events.stuck();
        else reject(reason ?? new Error(`the thread of a slot ended while starting (code ${code})`));
      });
    });
    return [thread, ready];
  }

  #onMessage(message: Exclude<ThreadMessage, { type: 'ready' }>): void {
    switch (message.type) {
      case 'begun':
        this.#watch(message);
        break;
      case 'settled':
        if (this.#attempt?.number === message.call) this.#conclude(message.outcome);
        break;
      case 'idle':
        this.#release();
    }
  }

  /** A task with a time limit has begun; it may have ended by the time the limit is reached. */
  #watch({ epoch, number, timeoutMs }: Extract<ThreadMessage, { type: 'begun' }>): void {
    clearTimeout(this.#timer);
    const elapsedMs = this.board.running?.runningMs ?? 0;
    this.#timer = setTimeout(
      () => {
        const running = this.board.running;
        if (running?.number !== number || running.epoch !== epoch) return;
        this.abort(
          new PoolError('timeout', `\`${running.name}\` ran longer than its timeoutMs of ${timeoutMs}`),
        );
      },
      Math.max(0, timeoutMs - elapsedMs),
    );
  }

  /** The thread ended by itself: user code did it. */
  #onExit(code: number, reason: unknown): void {
    this.#settle(exitFailure(code, reason));
    [this.#thread, this.#ready] = this.#startThread();
    this.#release();
    this.#events.lost();
  }

  #replaceThread(): void {
    const old = this.#thread;
    this.#thread = undefined;
    this.#ready = this.#terminate(old).then(() => {
      const [thread, ready] = this.#startThread();
      this.#thread = thread;
      return ready;
    });
    this.#release();
    this.#events.lost();
  }

  async #terminate(thread: Thread | undefined): Promise<void> {
    if (!thread) return;
    const timer = setTimeout(() => this.#events.stuck(), TERMINATE_LIMIT_MS);
    await thread.terminate();
    clearTimeout(timer);
  }

  /** The thread is no more, or as good as that: what it ran ends like this, and so does its lease. */
  #settle(failure: Failure): void {
    const { running, admitted } = this.board;
    clearTimeout(this.#timer);
    if (this.#attempt) this.#conclude({ kind: 'failure', failure, runMs: running?.runningMs ?? 0 });
    else {
      this.board.end(admitted);
      this.#fates.set(admitted, { ...this.#fateNow(admitted), failure: running && failure });
    }
    if (running) this.board.finish(false);
  }

  #fateNow(epoch: number): Fate {
    const { last } = this.board;
    return { begun: last.epoch === epoch ? Math.max(0, last.number) : 0, unsent: this.#ledger.read(epoch) };
  }

  #conclude(outcome: Outcome): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.settle(outcome);
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function exitFailure(code: number, reason: unknown): Failure {
  if ((reason as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { code: 'out-of-memory', message: 'the task used up the memory of its thread', mayHaveRun: true };
  }
  const message =
    reason === undefined
      ? `the task ended its thread with process.exit(${code})`
      : `the task left an error that nobody caught: ${messageOf(reason)}`;
  return { code: 'exited', message, mayHaveRun: true };
}
