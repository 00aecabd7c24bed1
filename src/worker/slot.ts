import type { ErrorCode } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { Failure, Outcome } from '../wire/outcome.js';
import { type AttemptEnd, type Audit, auditOf } from './audit.js';
import { Board } from './board.js';
import { type Fate, Fates } from './fates.js';
import { type HeardMessage, HostedThread } from './hosted-thread.js';
import { Ledger } from './ledger.js';
import type { AskedPut } from './put-store.js';
import { addressOf, boundTo } from './slot-place.js';
import { failureOf, type ThreadEnd } from './thread-end.js';
import type { TaskNews, ThreadMessage, ThreadOrder, ThreadSettings, UnaryTask } from './thread-messages.js';

/** A unary call under way. */
interface UnaryCall {
  readonly number: number;
  readonly taskId: string;
  readonly settle: (outcome: Outcome) => void;
  /** Whether the thread has it; until then it waits for the end of what runs. */
  isPosted: boolean;
}

/** What a task that is stopped fails with. */
export interface StopReason {
  code: ErrorCode;
  message: string;
}

export interface SlotEvents {
  /** A thread can be neither ended nor started: the process has to go. */
  stuck(): void;
  /** The thread was lost, and with it the lease. */
  lost(): void;
  /** A task tells something of itself. */
  news(news: TaskNews): void;
  /** The thread needs a value that was put, or has come by one; {@link Slot.give} answers. */
  wanted(asked: AskedPut): void;
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
  readonly #audit: Audit | undefined;
  /** Undefined while a thread that was told to end has not done so. */
  #thread: HostedThread | undefined;
  /** Resolves when there is a thread that takes orders. */
  #ready: Promise<void>;
  /** Whether any of its threads has been ready. */
  #hasStarted = false;
  #calls = 0;
  #call: UnaryCall | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Ends the thread when the task that is to end has not done so by itself; nothing else begins meanwhile. */
  #graceTimer: NodeJS.Timeout | undefined;
  /** Those who wait for the end of what runs. */
  readonly #waiting: (() => void)[] = [];
  /** No thread is started any more. */
  #isRetired = false;
  #isClosed = false;
  /** What was stopped last was stopped for this. */
  #stopCode: ErrorCode = 'cancelled';

  /** @throws PoolError `permission-denied` where the audit log cannot be written */
  constructor(settings: Omit<ThreadSettings, 'board' | 'ledger' | 'signingKey'>, events: SlotEvents) {
    this.#audit = auditOf(settings);
    this.#settings = {
      ...settings,
      board: this.board.buffer,
      ledger: this.#ledger.buffer,
      signingKey: undefined,
    };
    this.#events = events;
    this.#ready = this.#startThread();
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
  get running(): { taskId: string; name: string; runningMs: number; leaseEpoch: number } | undefined {
    const running = this.board.running;
    if (!running) return undefined;
    const { epoch, number, name, runningMs } = running;
    const taskId = this.#call?.number === number ? this.#call.taskId : running.taskId;
    return { taskId, name, runningMs, leaseEpoch: epoch };
  }

  /**
   * Runs one unary call when nothing else runs. Settles exactly once, whatever becomes of the thread; never rejects.
   *
   * @param signal of the caller; aborted, the call is stopped.
   */
  async run(taskId: string, task: UnaryTask, signal: AbortSignal): Promise<Outcome> {
    const { promise: settled, resolve: settle } = withResolvers<Outcome>();
    // Not to be taken for the number of a task of a stream.
    const call: UnaryCall = { number: -++this.#calls, taskId, settle, isPosted: false };
    this.#call = call;
    const cancel = () => {
      if (this.#call === call) this.stop({ code: 'cancelled', message: 'the caller went away' });
    };
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    void this.#postWhenIdle(call, task);
    const outcome = await settled;
    signal.removeEventListener('abort', cancel);
    return outcome;
  }

  /** Nothing more begins under this lease. What has begun goes on; it has ended when {@link whenIdle} resolves. */
  endLease(epoch: number): void {
    this.board.end(epoch);
    this.#fates.end(epoch, this.board.last.epoch, () => this.#fateNow(epoch));
  }

  /** Tells its holder what became of the tasks of a lease that has ended; undefined when it is forgotten. */
  fateOf(epoch: number): Fate | undefined {
    const fate = this.#fates.tell(epoch);
    // Where no thread was lost, results may still be on their way.
    return fate && !fate.failure ? { ...fate, unsent: [...fate.unsent, ...this.#ledger.read(epoch)] } : fate;
  }

  /**
   * Stops what runs or is about to, if anything is, and gives it this outcome. The one way to stop. The slot is idle again
   * when {@link whenIdle} resolves: at once, or when code that has asked for its signal has ended or used up its grace.
   *
   * @param isUrgent grants no grace.
   */
  stop({ code, message }: StopReason, isUrgent = false): void {
    if (this.#isClosed) return;
    const { running, graceMs } = this.board;
    this.#stopCode = code;
    this.#refuseWaiting({ code, message, mayHaveRun: false });
    if (this.#graceTimer) {
      if (isUrgent) this.#endGrace();
      return;
    }
    if (!running && !this.#call) return;
    this.#settle({ code, message, mayHaveRun: running !== undefined });
    if (!running || graceMs === 0 || isUrgent) return this.#replaceThread();
    const { epoch, number } = running;
    this.#order({ type: 'abort', epoch, number, code, message });
    this.#graceTimer = setTimeout(() => this.#endGrace(), graceMs);
    this.#events.lost();
  }

  /** What was to end by itself has not done so. */
  #endGrace(): void {
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
    if (this.board.isRunning) this.#replaceThread();
  }

  /** What the thread is to know of values that were put. */
  give(order: Extract<ThreadOrder, { type: 'put' | 'no-put' | 'drop' }>): void {
    this.#order(order);
  }

  /** Resolves when the thread has ended by itself, or after a while when it has not. */
  async whenLost(withinMs: number): Promise<void> {
    await this.#thread?.whenExited(withinMs);
  }

  /** Nothing more begins here, whatever the lease. What has begun goes on; it has ended when {@link whenIdle} resolves. */
  retire(): void {
    this.#isRetired = true;
    this.endLease(this.board.admitted);
    this.board.close();
    this.#refuseWaiting({ code: 'unavailable', message: 'this worker is draining', mayHaveRun: false });
  }

  /** Resolves when nobody has anything left to hear from here, or after a while; for a slot that has retired. */
  async hangUp(withinMs: number): Promise<void> {
    await Promise.all([this.#fates.whenTold(withinMs), this.#thread?.hangUp(withinMs)]);
  }

  async close(): Promise<void> {
    this.#isRetired = true;
    this.#isClosed = true;
    const stopped = { code: 'worker-lost', message: 'the worker was stopped' } as const;
    this.#refuseWaiting({ ...stopped, mayHaveRun: false });
    if (!this.#graceTimer) this.#settle({ ...stopped, mayHaveRun: true });
    this.#lose(stopped.code);
    this.#release();
    await this.#thread?.end();
  }

  #order(order: ThreadOrder, transfer: ArrayBuffer[] = []): void {
    this.#thread?.post(order, transfer);
  }

  async #postWhenIdle(call: UnaryCall, task: UnaryTask): Promise<void> {
    await this.whenIdle();
    if (this.#call !== call) return;
    call.isPosted = true;
    // The bytes are a view of the message they came in; only a buffer of their own can move to the thread.
    const data = new Uint8Array(task.args.data);
    const args = { ...task.args, data };
    this.#order({ type: 'run', call: call.number, task: { ...task, args } }, [data.buffer]);
  }

  async #startThread(): Promise<void> {
    if (this.#isRetired) return;
    this.#thread = new HostedThread(this.#settings, {
      ready: (port) => (this.#settings.place = boundTo(this.#settings.place, port)),
      message: (message) => this.#onMessage(message),
      exited: (end) => this.#onExited(end),
      stuck: () => this.#events.stuck(),
    });
    try {
      await this.#thread.whenReady;
      this.#hasStarted = true;
    } catch (error) {
      if (!this.#hasStarted) throw error;
      this.#events.stuck();
    }
  }

  #onMessage(message: HeardMessage): void {
    switch (message.type) {
      case 'begun':
        this.#watch(message);
        break;
      case 'settled':
        if (this.#call?.number === message.call) this.#settleCall(message.outcome);
        this.#onEnded();
        break;
      case 'news':
        this.board.newsTaken();
        this.#events.news(message.news);
        break;
      case 'wanted':
        this.#events.wanted(message.asked);
        break;
      case 'idle':
        this.#onEnded();
    }
  }

  /** What ran has ended by itself. */
  #onEnded(): void {
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
    this.#release();
  }

  /** A task with a time limit has begun; it may have ended by the time the limit is reached. */
  #watch({ epoch, number, timeoutMs }: Extract<ThreadMessage, { type: 'begun' }>): void {
    clearTimeout(this.#timer);
    if (timeoutMs === undefined) return;
    const elapsedMs = this.board.running?.runningMs ?? 0;
    this.#timer = setTimeout(
      () => {
        const running = this.board.running;
        if (running?.number !== number || running.epoch !== epoch) return;
        const message = `\`${running.name}\` ran longer than its timeoutMs of ${timeoutMs}`;
        this.stop({ code: 'timeout', message });
      },
      Math.max(0, timeoutMs - elapsedMs),
    );
  }

  #onExited(end: ThreadEnd): void {
    if (this.#isClosed) return;
    const failure = failureOf(end, this.board.running?.name ?? 'anonymous');
    if (!this.#graceTimer) this.#settle(failure);
    this.#lose(this.#graceTimer ? this.#stopCode : failure.code);
    this.#ready = this.#startThread();
    this.#release();
    this.#events.lost();
  }

  #replaceThread(): void {
    const old = this.#thread;
    this.#thread = undefined;
    this.#lose(this.#stopCode);
    this.#ready = Promise.resolve(old?.end()).then(() => this.#startThread());
    this.#release();
    this.#events.lost();
  }

  /** The thread is no more, or as good as that, with what it ran. */
  #lose(end: AttemptEnd): void {
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
    this.board.newsLost();
    const { running } = this;
    if (!running) return;
    this.board.finish(false);
    this.#audit?.ended(running.taskId, end, running.runningMs);
  }

  /** What runs ends like this for whoever called it, and so does its lease. */
  #settle(failure: Failure): void {
    const { running, admitted } = this.board;
    clearTimeout(this.#timer);
    if (this.#call?.isPosted) this.#conclude(failure);
    else {
      // A newer lease may have been seen already: of the call that waits for the end of this one.
      const epoch = running?.epoch ?? admitted;
      this.board.end(epoch);
      this.#fates.set(epoch, { ...this.#fateNow(epoch), failure: running && failure });
    }
  }

  #fateNow(epoch: number): Fate {
    const { last } = this.board;
    return { begun: last.epoch === epoch ? Math.max(0, last.number) : 0, unsent: this.#ledger.read(epoch) };
  }

  /** A call that the thread does not have yet is not to get there. */
  #refuseWaiting(failure: Failure): void {
    if (this.#call?.isPosted === false) this.#conclude(failure);
  }

  /** The unary call under way ends badly. */
  #conclude(failure: Failure): void {
    this.#settleCall({ kind: 'failure', failure, runMs: this.board.running?.runningMs ?? 0 });
  }

  #settleCall(outcome: Outcome): void {
    const call = this.#call;
    this.#call = undefined;
    call?.settle(outcome);
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
