import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, isErrorCode, PoolError } from '../../core/errors.js';
import { aheadMs, hasRoom, type Pace } from '../../core/pace.js';
import type { ClaimedLease } from '../../wire/generated/offhand/v1/ClaimedLease.js';
import type { Failure__Output } from '../../wire/generated/offhand/v1/Failure.js';
import type { SettleLeaseRequest } from '../../wire/generated/offhand/v1/SettleLeaseRequest.js';
import type { SlotLease__Output } from '../../wire/generated/offhand/v1/SlotLease.js';
import type { TaskOutcomes__Output } from '../../wire/generated/offhand/v1/TaskOutcomes.js';
import type { DirectTask, Grant, Place } from './direct-task.js';
import { errorOf, resultsOf, type Took, UndecodedFailure } from '../outcome.js';
import type { SlotLink, SlotUser } from './slot-link.js';
import { batchOf } from './task-batch.js';
import type { LeaseUse } from './session.js';
import { TasksUnderWay } from './tasks-under-way.js';
import type { TaskSource } from './task-line.js';
import type { WorkerLink } from './worker-link.js';

/** How long tasks that are to come back from a revoked lease may take before its worker is asked, in ms. */
const HAND_BACK_MS = 5;
/** The same where there is only one, which most likely runs. */
const HAND_BACK_ONE_MS = 50;

/** Tasks with an encoding of their own in one message: each takes this process some time, in which it hears nothing else. */
const MOST_APART = 200;

/** How often a worker is asked whether it is there when nobody else would tell, in ms; and how often in vain before it is not. */
const WATCH_MS = 5_000;
const MOST_MISSES = 2;

/** A task that is expected to take at least so long is worth a message, in ms. */
const LONG_MS = 100;

export function isLong(expectedMs: number | undefined): boolean {
  return expectedMs !== undefined && expectedMs >= LONG_MS;
}

/** What a lease asks of its holder. */
export interface LeaseHolder {
  /** There is room for more tasks, or one less under way. */
  changed(): void;
  /** It is used for tasks of another priority than so far, or for one that takes long. */
  graded(lease: HeldLease): void;
  /** Tasks that did not begin, in their order. */
  handBack(tasks: DirectTask[]): void;
  /** An attempt has failed. `code` is `thrown`, or that of the PoolError; see {@link DirectTask.attemptFailed}. */
  attemptFailed(task: DirectTask, code: ErrorCode | 'thrown', reason: unknown, wasAlone: boolean): void;
  /** Its worker cannot be reached: what may still run under it is to be stopped. */
  abandon(lease: HeldLease): void;
  /** Nothing more can be sent under it. */
  ending(lease: HeldLease): void;
  /** The last of its tasks is through. */
  over(lease: HeldLease): void;
}

/** One lease that a client holds, and the tasks that it has sent under it. */
export class HeldLease implements Place, SlotUser {
  readonly epoch: number;
  readonly grant: Grant;
  readonly underWay = new TasksUnderWay();
  /** Since when nothing is under way. */
  idleSince = performance.now();
  /** When the slot was last heard of, while something is under way. */
  heardAt = 0;
  /** Whether nothing but its tasks runs on its worker. */
  #isAloneOnWorker: boolean;
  readonly #hasAllSlots: boolean;
  readonly #leaseId: string;
  readonly #slot: SlotLink;
  readonly #worker: WorkerLink;
  readonly #pace: Pace;
  readonly #holder: LeaseHolder;
  #hasSentLease = false;
  #isEnding = false;
  /** Whether the stream that its tasks went by is no more: of the next one on its slot it has no part. */
  #hasBroken = false;
  /** Of the tasks that were sent last; and the one that the coordinator knows of. */
  #priority: number;
  #toldPriority: number;
  /** How long the task that was sent last is expected to take, and what the coordinator knows of; undefined where not long. */
  #expectedMs: number | undefined;
  #toldExpectedMs: number | undefined;
  /** Numbers of tasks that are to stop, not yet told to the worker. */
  #toStop: number[] = [];

  constructor(lease: SlotLease__Output, slot: SlotLink, worker: WorkerLink, pace: Pace, holder: LeaseHolder) {
    this.epoch = lease.epoch;
    this.grant = { worker: lease.worker, reason: lease.reason, at: performance.now() };
    this.#priority = this.#toldPriority = lease.priority;
    this.#hasAllSlots = lease.workerSlots === 1;
    this.#isAloneOnWorker = lease.alone || this.#hasAllSlots;
    this.#leaseId = lease.leaseId;
    this.#slot = slot;
    this.#worker = worker;
    this.#pace = pace;
    this.#holder = holder;
    slot.join(this);
  }

  get isIdle(): boolean {
    return this.underWay.tasks === 0;
  }

  /** Whether its slot could have answered by now. */
  get isReached(): boolean {
    return this.#slot.isReached;
  }

  /** Whether a message could go now. */
  get isReady(): boolean {
    return !this.#isEnding && this.#slot.isReady;
  }

  /**
   * Sends as many tasks as there is room for.
   *
   * @param leases how many share what waits in line.
   */
  fill(line: TaskSource, leases: number): void {
    const tasks: DirectTask[] = [];
    const share = Math.ceil(line.size / leases);
    const limitMs = aheadMs(line.size, leases, this.#pace.of(line.first?.fn.id ?? '') ?? 0);
    // In two portions: one is on its way while the other runs.
    if (this.underWay.workMs > limitMs / 2) return;
    let messageMs = 0;
    for (let task = line.first; task && tasks.length < share; task = line.first) {
      // Nobody knows for how long a stream is read: nothing goes with it, nor behind it.
      const estimateMs = task.stream ? Number.POSITIVE_INFINITY : this.#pace.of(task.fn.id);
      if (tasks.length > 0 && messageMs + (estimateMs ?? 0) > limitMs / 2) break;
      if (tasks.length >= MOST_APART && 'data' in task.args) break;
      if (!hasRoom(this.underWay, estimateMs, task.bytes, limitMs)) break;
      line.shift();
      task.estimateMs = estimateMs ?? 0;
      messageMs += task.estimateMs;
      task.sent(this, this.#slot.nextNumber());
      this.underWay.add(task);
      if (task.isFollowed) this.#worker.news.follow(task);
      tasks.push(task);
    }
    const [first] = tasks;
    if (!first) return;
    this.#noteUse(first);
    if (tasks.length === this.underWay.tasks) this.heardAt = performance.now();
    const batch = batchOf(tasks, this.#slot);
    if (!this.#hasSentLease) batch.leaseId = this.#leaseId;
    this.#hasSentLease = true;
    this.#slot.send(batch);
  }

  /** No more goes under this lease: others need the slot, or it is gone. What runs may finish. */
  end(): void {
    if (!this.#beginToEnd()) return;
    if (this.isIdle) return;
    // The slot hands back by itself what it has not begun, unless it is busy: with one of these, or with another's.
    setTimeout(() => {
      if (this.underWay.tasks > 1) void this.#settle({});
      else if (!this.isIdle) setTimeout(() => void (this.isIdle || this.#settle({})), HAND_BACK_ONE_MS);
    }, HAND_BACK_MS);
  }

  /** The worker is gone, or silent and counted as such. */
  async lost(): Promise<void> {
    this.#beginToEnd();
    if (this.isIdle) return;
    const loss = await this.#worker.explainLoss();
    this.#failAll(loss.message, loss);
    this.#afterChange();
  }

  /** The coordinator that would tell of the loss of its worker is gone: the worker is asked itself, while something runs. */
  async watch(): Promise<void> {
    for (let misses = 0; misses < MOST_MISSES;) {
      await delay(WATCH_MS, undefined, { ref: false });
      if (this.isIdle) return;
      misses = (await this.#settle({})) ? 0 : misses + 1;
    }
    await this.lost();
  }

  get claim(): ClaimedLease {
    this.#isAloneOnWorker = this.#hasAllSlots; // A coordinator that is claimed from keeps nobody away.
    const priority = (this.#toldPriority = this.#priority);
    return { leaseId: this.#leaseId, epoch: this.epoch, returned: this.#isEnding, priority };
  }

  /** Whether it is used for tasks of another priority than the coordinator believes. */
  get isRegraded(): boolean {
    return this.#priority !== this.#toldPriority;
  }

  /** Whether what was sent last takes long, or what the coordinator was told of did. */
  get isUsedForLong(): boolean {
    return this.#expectedMs !== undefined || this.#toldExpectedMs !== undefined;
  }

  /** What it is used for, for the coordinator. */
  tellUse(): LeaseUse {
    this.#toldPriority = this.#priority;
    this.#toldExpectedMs = this.#expectedMs;
    return { priority: this.#priority, expectedMs: this.#expectedMs };
  }

  #noteUse({ priority, options: { expectedMs }, fn }: DirectTask): void {
    const isRegraded = priority !== this.#priority;
    const expected = expectedMs ?? this.#pace.of(fn.id);
    this.#priority = priority;
    this.#expectedMs = isLong(expected) ? expected : undefined;
    if (isRegraded || this.isUsedForLong) this.#holder.graded(this);
  }

  /** A task was settled by its own limits: it has to stop if it runs, and else must not begin. */
  leave(task: DirectTask): void {
    this.underWay.remove(task);
    this.#toStop.push(task.number);
    if (this.#toStop.length > 1) return;
    queueMicrotask(() => {
      this.#beginToEnd();
      void this.#settle({ stopTasks: this.#toStop.splice(0) });
    });
  }

  onWritten(): void {
    this.#holder.changed();
  }

  onOutcomes(outcomes: TaskOutcomes__Output[]): void {
    this.heardAt = performance.now();
    for (const outcome of outcomes) this.#onOutcome(outcome);
    this.#afterChange();
  }

  onClosing(): void {
    this.#beginToEnd();
    if (!this.isIdle) void this.#settle({});
  }

  onGone(): void {
    if (this.#hasBroken) return;
    this.#beginToEnd();
    this.#handBack(this.underWay.takeAll());
    this.#afterChange();
  }

  onBroken(): void {
    if (this.#hasBroken) return;
    this.#hasBroken = true;
    this.#beginToEnd();
    if (!this.isIdle) void this.#settle({ stopAny: true });
  }

  onUnreached(reason: PoolError): void {
    this.#beginToEnd();
    for (const task of this.underWay.takeAll()) task.fail(reason);
    this.#afterChange();
  }

  #onOutcome(outcome: TaskOutcomes__Output): void {
    const { number, count, failure, notBegun, runMs, yielded } = outcome;
    if (yielded) return this.#onYielded(outcome);
    if (notBegun) return this.#onNotBegun(number, count);
    const tasks = this.underWay.take(number, count);
    const [first] = tasks;
    if (!first) return;
    if (failure?.code === 'code-unknown') {
      this.#slot.forget(first.fn, first.puts);
      return this.#handBack(tasks);
    }
    if (!first.stream) this.#pace.note(first.fn.id, count, runMs);
    if (failure) {
      for (const task of tasks) this.#attemptFailed(task, failure, outcome);
      return;
    }
    if (first.isOpaque) {
      for (const task of tasks) task.succeed(outcome, outcome.quiet);
      return;
    }
    let results: unknown[];
    try {
      results = resultsOf(outcome);
    } catch (error) {
      for (const task of tasks) task.fail(error);
      return;
    }
    for (const task of tasks) task.succeed(results[task.number - number]);
  }

  #onYielded(outcome: TaskOutcomes__Output): void {
    const task = this.underWay.of(outcome.number);
    if (!task) return;
    try {
      for (const value of resultsOf(outcome)) task.stream?.yielded(value);
    } catch (error) {
      task.fail(error);
    }
  }

  /** The lease is over on the worker's side. */
  #onNotBegun(number: number, count: number): void {
    const tasks = this.underWay.take(number, count);
    if (tasks.length === 0) return;
    this.#beginToEnd();
    this.#handBack(tasks);
  }

  /** Asks the worker's main thread, which knows also what a slot that is busy or gone cannot tell. @returns whether it answered */
  async #settle(what: Omit<SettleLeaseRequest, 'leaseId'>): Promise<boolean> {
    let lost: PoolError | undefined;
    try {
      const { begun, failure, unsent } = await this.#worker.settleLease({ leaseId: this.#leaseId, ...what });
      for (const outcome of unsent) this.#onOutcome(outcome);
      this.#handBack(this.underWay.takeAbove(begun));
      if (failure) this.#failRunning(begun, failure);
    } catch (error) {
      // Whoever did not ask because its stream had broken hears the rest on that stream, or that it breaks.
      lost = error as PoolError;
    }
    if (what.stopAny) {
      if (lost) this.#holder.abandon(this);
      this.#failAll(lost?.message ?? 'the slot hung up before it answered', lost);
    }
    this.#afterChange();
    return lost === undefined;
  }

  #failRunning(number: number, failure: Failure__Output): void {
    const [task] = this.underWay.take(number, 1);
    if (task) this.#attemptFailed(task, failure);
  }

  /** Nobody knows which of them has begun, nor which one used up the memory. */
  #failAll(why: string, cause?: PoolError): void {
    const tasks = this.underWay.takeAll();
    const wasAlone = tasks.length === 1 && this.#isAloneOnWorker;
    const code = cause?.code === 'out-of-memory' && wasAlone ? cause.code : 'worker-lost';
    for (const task of tasks) {
      const reason = new PoolError(code, `\`${task.name}\`: ${why}`, { cause, mayHaveRun: true });
      this.#holder.attemptFailed(task, code, reason, wasAlone);
    }
  }

  #attemptFailed(task: DirectTask, failure: Failure__Output, took?: Took): void {
    const code = isErrorCode(failure.code) || failure.code === 'thrown' ? failure.code : 'internal';
    // Of several that ran on a worker which was ended for its memory, nobody knows which one it was.
    const wasAlone = code !== 'worker-lost' || this.#isAloneOnWorker;
    const reason = task.isOpaque ? new UndecodedFailure(failure, took) : errorOf(failure);
    this.#holder.attemptFailed(task, code, reason, wasAlone);
  }

  #handBack(tasks: DirectTask[]): void {
    if (tasks.length > 0) this.#holder.handBack(tasks);
  }

  #afterChange(): void {
    if (this.isIdle) {
      this.idleSince = performance.now();
      if (this.#isEnding) {
        this.#slot.part(this);
        this.#holder.over(this);
      }
    }
    this.#holder.changed();
  }

  /** False when it is ending already. */
  #beginToEnd(): boolean {
    if (this.#isEnding) return false;
    this.#isEnding = true;
    if (this.isIdle) this.#slot.part(this);
    this.#holder.ending(this);
    return true;
  }
}
