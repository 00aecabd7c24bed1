import type { ServiceError } from '@grpc/grpc-js';
import { type ErrorCode, PoolError } from '../../core/errors.js';
import { once } from '../../core/once.js';
import { appetite, Pace } from '../../core/pace.js';
import type { Credentials } from '../../wire/credentials.js';
import type { ClaimedLease } from '../../wire/generated/offhand/v1/ClaimedLease.js';
import type { SlotLease__Output } from '../../wire/generated/offhand/v1/SlotLease.js';
import type { CoordinatorLink } from '../coordinator-link.js';
import { DirectTask, type Place } from './direct-task.js';
import type { Call, Callee, Settle, Started } from '../executor.js';
import { EndingLeases } from './ending-leases.js';
import { HeldLease, isLong, type LeaseHolder } from './held-lease.js';
import { Lookout } from './lookout.js';
import { RetryLine } from './retry-line.js';
import { Session, type SessionEvents, type SessionNeeds } from './session.js';
import { shipCall, type ShippedCall, shipFunction } from '../shipping/ship.js';
import { ValueServer } from './value-server.js';
import { Suspects } from './suspects.js';
import { TaskLine } from './task-line.js';
import { WorkerConnections } from './worker-connections.js';

/** From this size on arguments do not go along with their task but are pulled, in bytes. */
const PULLED_BYTES = 128 * 1024;

export interface ExecutorSettings {
  /** How many slots the pool has, as far as is known. */
  slots: number;
  /** For how long a coordinator that is gone is waited for, in ms. */
  reconnectMs: number;
  /** What its workers have to have. */
  needs?: SessionNeeds | undefined;
  /** Told when the number of slots has changed. */
  onCapacity?: (() => void) | undefined;
  /** Told when no worker has what is needed, and one that has is waited for. */
  onNoneFits?: (() => void) | undefined;
  /** Told when an attempt has failed and another one is made, after so many ms. */
  onRetry?: ((task: DirectTask, code: ErrorCode | 'thrown', delayMs: number) => void) | undefined;
}

/** Direct calls: holds leases for as long as it has a use for them, and runs its tasks under them, straight on the slots. */
export class DirectExecutor implements Place, LeaseHolder, SessionEvents {
  readonly #coordinator: CoordinatorLink;
  readonly #session: Session;
  readonly #stopListening: () => void;
  readonly #workers: WorkerConnections;
  readonly #values: ValueServer;
  readonly #onCapacity: (() => void) | undefined;
  readonly #onNoneFits: (() => void) | undefined;
  readonly #onRetry: ExecutorSettings['onRetry'];
  /** How long functions take. */
  readonly pace = new Pace();
  /** Tasks that wait for a lease. */
  readonly #line = new TaskLine();
  readonly #retries = new RetryLine();
  readonly #suspects = new Suspects();
  readonly #tasks = new Set<DirectTask>();
  /** Leases that can still be used. */
  readonly #leases = new Map<number, HeldLease>();
  readonly #seeingThrough = new EndingLeases();
  #slots: number;
  #order = 0;
  #isPumpDue = false;
  readonly #lookout = new Lookout(
    () => ({ leases: this.#leases.values(), tasks: this.#tasks.size }),
    () => this.#tend(),
  );
  #isClosed = false;

  constructor(
    coordinator: CoordinatorLink,
    credentials: Credentials,
    { slots, reconnectMs, needs, onCapacity, onNoneFits, onRetry }: ExecutorSettings,
  ) {
    this.#coordinator = coordinator;
    this.#session = new Session(() => coordinator.openSession(), this, reconnectMs, needs);
    this.#stopListening = coordinator.onMoved(() => this.#moved());
    this.#workers = new WorkerConnections(credentials, (workerId) => coordinator.explainLoss(workerId));
    this.#values = new ValueServer(credentials);
    this.#slots = slots;
    this.#onCapacity = onCapacity;
    this.#onNoneFits = onNoneFits;
    this.#onRetry = onRetry;
  }

  appetite(callee: Callee): number {
    return this.appetiteFor(shipFunction(callee).id);
  }

  /** How many calls of the function of this id are worth having under way. */
  appetiteFor(functionId: string): number {
    return appetite(this.#slots, this.pace.of(functionId));
  }

  start(call: Call, settle: Settle): Started {
    if (this.#isClosed) throw closed(false);
    return this.startShipped(shipCall(call), settle);
  }

  /** Starts a call that was made ready elsewhere. @throws PoolError `closed` */
  startShipped(call: ShippedCall, settle: Settle): DirectTask {
    if (this.#isClosed) throw closed(false);
    const task: DirectTask = new DirectTask(call, (isOk, value) => {
      this.#tasks.delete(task);
      if (task.reference) this.#values.withdraw(task.reference);
      for (const reference of task.putReferences) this.#values.withdraw(reference);
      settle(isOk, value);
    });
    this.#tasks.add(task);
    task.order = this.#order++;
    task.place = this;
    if (task.bytes >= PULLED_BYTES || task.puts.length > 0) void this.#lineUpLarge(task);
    else this.#lineUp(task);
    return task;
  }

  #lineUp(task: DirectTask): void {
    this.#line.push(task);
    this.#pumpSoon();
  }

  /** Large arguments are pulled by the slot that runs the task, where it can reach us. */
  async #lineUpLarge(task: DirectTask): Promise<void> {
    await this.#values.open();
    if (task.isSettled || this.#isClosed) return;
    if ('data' in task.args && task.bytes >= PULLED_BYTES) task.reference = this.#values.offer(task.args);
    task.putReferences = task.puts.map(({ content }) =>
      this.#values.offer({ encoding: 'V8', data: new Uint8Array(content.bytes) }),
    );
    this.#lineUp(task);
  }

  readonly close = once(async () => {
    this.#isClosed = true;
    this.#stopListening();
    this.#lookout.stop();
    this.#retries.stop();
    for (const task of this.#tasks) {
      task.place = undefined;
      task.fail(closed(!task.isWaiting));
    }
    this.#leases.clear();
    // Whatever still runs under the session's leases is stopped by the coordinator.
    await this.#session.end();
    this.#workers.close();
    this.#values.close();
  });

  /** Values that were put are needed no more. */
  drop(ids: string[]): Promise<void> {
    return this.#workers.drop(ids);
  }

  get hasWorkers(): boolean {
    return this.#slots > 0;
  }

  /** A task in line was settled by its own limits. */
  leave(task: DirectTask): void {
    this.#retries.remove(task);
    this.#suspects.remove(task);
    this.#line.remove(task);
    this.#pumpSoon();
  }

  changed(): void {
    this.#pumpSoon();
  }

  attemptFailed(task: DirectTask, code: ErrorCode | 'thrown', reason: unknown, wasAlone: boolean): void {
    const delayMs = task.attemptFailed(code, reason, wasAlone);
    if (delayMs === undefined || this.#isClosed) return;
    this.#onRetry?.(task, code, delayMs);
    task.handedBack(this);
    task.rests();
    this.#retries.rest(task, delayMs, () => {
      task.rested();
      this.handBack([task]);
    });
  }

  handBack(tasks: DirectTask[]): void {
    const waiting = tasks.filter((task) => !task.isSettled);
    for (const task of waiting) {
      task.handedBack(this);
      if (task.isSuspect) this.#suspects.push(task);
    }
    this.#line.putBack(waiting.filter((task) => !task.isSuspect));
    this.#pumpSoon();
  }

  /** Another coordinator is there, which knows nothing of the leases that there are. */
  #moved(): void {
    for (const lease of this.#suspects.takeLeases()) this.#leases.set(lease.epoch, lease);
    this.#seeingThrough.takeOver(this.#leases);
    this.#session.moved();
  }

  ending(lease: HeldLease): void {
    if (this.#isClosed) return;
    if (this.#leases.delete(lease.epoch) || this.#suspects.drop(lease)) this.#session.giveBack(lease.epoch);
    if (!lease.isIdle) this.#seeingThrough.add(lease);
    this.#pumpSoon();
  }

  over(lease: HeldLease): void {
    this.#seeingThrough.remove(lease);
  }

  abandon(lease: HeldLease): void {
    // The end of its session has stopped what ran.
    if (!this.#isClosed && !this.#seeingThrough.isForeign(lease)) this.#session.abandon(lease.epoch);
  }

  get claims(): ClaimedLease[] {
    // Whoever claims a lease has it as any other: the worker is not kept free for it any more.
    const solitary = this.#suspects.takeLeases();
    const leases = [...this.#leases.values(), ...solitary, ...this.#seeingThrough.own];
    for (const lease of solitary) lease.end();
    return leases.map((lease) => lease.claim);
  }

  lost(epochs: readonly number[]): void {
    for (const epoch of epochs) {
      const lease = this.#find(epoch) ?? this.#seeingThrough.of(epoch);
      this.#leases.delete(epoch);
      void lease?.lost();
    }
  }

  granted(lease: SlotLease__Output): void {
    if (this.#isClosed) return;
    const { slot, worker } = this.#workers.of(lease);
    const held = new HeldLease(lease, slot, worker, this.pace, this);
    if (lease.alone) this.#suspects.granted(held);
    else this.#leases.set(lease.epoch, held);
    this.#pumpSoon();
  }

  /** One for each suspect, but no more than there can be. */
  get alone(): number {
    return Math.min(this.#suspects.size, Math.max(1, this.#slots));
  }

  ended(epoch: number): void {
    const lease = this.#find(epoch);
    this.#leases.delete(epoch);
    lease?.end();
  }

  /** One that can still be used. */
  #find(epoch: number): HeldLease | undefined {
    return this.#leases.get(epoch) ?? this.#suspects.find(epoch);
  }

  othersWait(durationMs: number): void {
    this.#lookout.othersWaitFor(durationMs);
    for (const lease of this.#leases.values()) if (lease.isRegraded) this.graded(lease);
    this.#tend();
  }

  /** What a lease is used for matters only where others might get it. */
  graded(lease: HeldLease): void {
    if (lease.isUsedForLong || (lease.isRegraded && this.#lookout.othersWait))
      this.#session.regrade(lease.epoch, lease.tellUse());
  }

  capacity(slots: number): void {
    this.#slots = slots;
    this.#onCapacity?.();
    this.#pumpSoon();
  }

  noneFits(): void {
    this.#onNoneFits?.();
  }

  /** Leases end with their session, and tasks in line have nobody to wait for. */
  broken(error: ServiceError | undefined): void {
    const leases = [...this.#leases.values(), ...this.#suspects.takeLeases()];
    this.#leases.clear();
    for (const lease of leases) lease.end();
    const reason = error
      ? this.#coordinator.explain(error)
      : new PoolError('unavailable', 'the pool ended the session');
    for (const task of this.#tasks) if (task.isWaiting) task.fail(reason);
  }

  /** At the end of the turn, so that calls made together go together. */
  #pumpSoon(): void {
    if (this.#isPumpDue || this.#isClosed) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      if (!this.#isClosed) this.#pump();
    });
  }

  #pump(): void {
    this.#suspects.pump();
    this.#session.alone = this.alone;
    const tasks = this.#line.size + this.#underWay;
    // At least one: a pool whose workers are all starting has no slots yet. As many again where there is work for them: a
    // pool that grows with its work sees that it should.
    const slots = Math.max(1, this.#slots);
    const demand = Math.min(tasks, 2 * slots);
    // Fewer are only asked for where some were not yet granted; those held are given back when they have idled.
    this.#session.expectedMs = this.#expectedOfNext;
    if (demand > this.#session.demand || this.#session.demand > this.#leases.size)
      this.#session.demand = demand;
    this.#session.wanted = this.#line.wanted(this.#session.demand - this.#leases.size);
    // Idle slots first: a task is not to queue where it could run.
    for (const wantsIdle of [true, false]) {
      for (const lease of this.#leases.values()) {
        if (this.#line.size === 0) break;
        if (lease.isReady && lease.isIdle === wantsIdle) {
          lease.fill(this.#line, Math.max(Math.min(tasks, slots), this.#leases.size));
        }
      }
    }
    this.#lookout.note();
  }

  /** What is short is not worth telling. */
  get #expectedOfNext(): number | undefined {
    const { first } = this.#line;
    const expectedMs = first && (first.options.expectedMs ?? this.pace.of(first.fn.id));
    return isLong(expectedMs) ? expectedMs : undefined;
  }

  /** Tasks under leases that can still be used. */
  get #underWay(): number {
    let tasks = 0;
    for (const lease of this.#leases.values()) tasks += lease.underWay.tasks;
    return tasks;
  }

  /** Gives back what has idled for long enough, takes back what waits behind a silent slot, and rests where nothing is left. */
  #tend(): void {
    for (const lease of [...this.#leases.values()]) if (this.#lookout.isOver(lease)) lease.end();
    if (this.#leases.size === 0 && this.#tasks.size === 0 && this.#lookout.isQuiet) this.#rest();
    else this.#pump();
  }

  /** Nothing to do: the streams are closed, so that they keep no process alive. */
  #rest(): void {
    void this.#session.end();
    this.#workers.rest();
    this.#values.close();
  }
}

function closed(mayHaveRun: boolean): PoolError {
  return new PoolError('closed', 'this pool is closed', { mayHaveRun });
}
