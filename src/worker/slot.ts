import { Worker as Thread } from 'node:worker_threads';
import { messageOf, PoolError } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { Outcome } from '../wire/outcome.js';
import type { ThreadCall, ThreadMessage } from './thread-messages.js';

/** A thread that has not ended this long after it was told to is stuck in native code: its process goes instead, in ms. */
const TERMINATE_LIMIT_MS = 1_000;

export type SlotCall = Omit<ThreadCall, 'call'> & {
  taskId: string;
  name: string;
  /** From the moment user code begins. */
  timeoutMs: number | undefined;
};

interface Attempt {
  readonly call: number;
  readonly taskId: string;
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly settle: (outcome: Outcome) => void;
  readonly settled: Promise<Outcome>;
  /** Undefined until user code begins. */
  begunAt: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Room for one attempt at a time, and the thread it runs in.
 *
 * Code that has to stop costs the thread: it is ended and another one started. Until that one is ready the slot is not
 * idle, so nothing begins beside code that still runs.
 */
export class Slot {
  /** Undefined while a thread that was told to end has not done so. */
  #thread: Thread | undefined;
  #ready: Promise<void>;
  #calls = 0;
  #attempt: Attempt | undefined;
  #isClosed = false;
  #busyMs = 0;
  readonly #onStuck: () => void;

  /** @param onStuck called when a thread cannot be ended or started: the process has to go. */
  constructor(onStuck: () => void) {
    this.#onStuck = onStuck;
    [this.#thread, this.#ready] = this.#startThread();
  }

  /** Resolves when the slot could begin a task. */
  async whenIdle(): Promise<void> {
    await this.#ready;
  }

  /** The attempt under way, if user code has begun. */
  get running(): { taskId: string; name: string; runningMs: number } | undefined {
    const attempt = this.#attempt;
    if (attempt?.begunAt === undefined) return undefined;
    return { taskId: attempt.taskId, name: attempt.name, runningMs: performance.now() - attempt.begunAt };
  }

  /** Resolves when no attempt is under way. */
  async whenFree(): Promise<void> {
    await this.#attempt?.settled;
  }

  /** Time spent in user code so far, in ms, the running attempt included. */
  get busyMs(): number {
    return this.#busyMs + (this.running?.runningMs ?? 0);
  }

  /**
   * Runs one call on an idle slot (see {@link whenIdle}). Settles exactly once, whatever becomes of the thread; never
   * rejects.
   */
  run(call: SlotCall): Promise<Outcome> {
    const { taskId, name, timeoutMs, functionId, source, args } = call;
    const { promise: settled, resolve: settle } = withResolvers<Outcome>();
    const number = ++this.#calls;
    this.#attempt = {
      call: number,
      taskId,
      name,
      timeoutMs,
      settle,
      settled,
      begunAt: undefined,
      timer: undefined,
    };
    // The bytes are a view of the message they came in; only a buffer of their own can move to the thread.
    const data = new Uint8Array(args.data);
    const message: ThreadCall = { call: number, functionId, source, args: { ...args, data } };
    this.#thread?.postMessage(message, [data.buffer]);
    return settled;
  }

  /** Stops what runs, if anything does, and gives it this outcome. The slot is idle again when {@link whenIdle} resolves. */
  abort(reason: PoolError): void {
    if (!this.#attempt || this.#isClosed) return;
    const mayHaveRun = this.#attempt.begunAt !== undefined;
    this.#settle({ code: reason.code, message: reason.message, mayHaveRun });
    this.#replaceThread();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#settle({ code: 'worker-lost', message: 'the worker was stopped', mayHaveRun: true });
    await this.#terminate(this.#thread);
  }

  #startThread(): [Thread, Promise<void>] {
    const thread = new Thread(new URL('./slot-thread.js', import.meta.url));
    let reason: unknown;
    let isReady = false;
    const ready = new Promise<void>((resolve) => {
      thread.on('message', (message: ThreadMessage | null) => {
        // User code can post to this port too; what is none of ours is passed over.
        if (!isThreadMessage(message)) return;
        if (message.type === 'ready') {
          isReady = true;
          resolve();
        } else if (thread === this.#thread) this.#onMessage(message);
      });
    });
    thread.on('error', (error) => (reason = error));
    thread.on('exit', (code) => {
      if (thread !== this.#thread || this.#isClosed) return;
      if (isReady) this.#onExit(code, reason);
      else this.#onStuck();
    });
    return [thread, ready];
  }

  #onMessage(message: Exclude<ThreadMessage, { type: 'ready' }>): void {
    const attempt = this.#attempt;
    if (attempt?.call !== message.call) return;
    if (message.type === 'begun') {
      attempt.begunAt = performance.now();
      const { timeoutMs } = attempt;
      if (timeoutMs === undefined) return;
      attempt.timer = setTimeout(() => {
        this.abort(
          new PoolError('timeout', `\`${attempt.name}\` ran longer than its timeoutMs of ${timeoutMs}`),
        );
      }, timeoutMs);
    } else this.#conclude(message.outcome);
  }

  /** The thread ended by itself: user code did it. */
  #onExit(code: number, reason: unknown): void {
    this.#settle(exitFailure(code, reason));
    [this.#thread, this.#ready] = this.#startThread();
  }

  #replaceThread(): void {
    const old = this.#thread;
    this.#thread = undefined;
    this.#ready = this.#terminate(old).then(() => {
      const [thread, ready] = this.#startThread();
      this.#thread = thread;
      return ready;
    });
  }

  async #terminate(thread: Thread | undefined): Promise<void> {
    if (!thread) return;
    const timer = setTimeout(this.#onStuck, TERMINATE_LIMIT_MS);
    await thread.terminate();
    clearTimeout(timer);
  }

  #settle(failure: { code: PoolError['code']; message: string; mayHaveRun: boolean }): void {
    this.#conclude({ kind: 'failure', failure, runMs: this.running?.runningMs ?? 0 });
  }

  #conclude(outcome: Outcome): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    clearTimeout(attempt.timer);
    if (attempt.begunAt !== undefined) this.#busyMs += performance.now() - attempt.begunAt;
    this.#attempt = undefined;
    attempt.settle(outcome);
  }
}

function isThreadMessage(message: Partial<ThreadMessage> | null): message is ThreadMessage {
  if (typeof message !== 'object' || message === null) return false;
  if (message.type === 'settled') return typeof message.outcome === 'object';
  return message.type === 'ready' || message.type === 'begun';
}

function exitFailure(
  code: number,
  reason: unknown,
): { code: PoolError['code']; message: string; mayHaveRun: boolean } {
  if ((reason as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { code: 'out-of-memory', message: 'the task used up the memory of its thread', mayHaveRun: true };
  }
  const message =
    reason === undefined
      ? `the task ended its thread with process.exit(${code})`
      : `the task left an error that nobody caught: ${messageOf(reason)}`;
  return { code: 'exited', message, mayHaveRun: true };
}
