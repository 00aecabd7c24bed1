import { Captures } from '../../src/client/shipping/captures.js';
import { DirectTask } from '../../src/client/direct/direct-task.js';
import { HeldLease, type LeaseHolder } from '../../src/client/direct/held-lease.js';
import type { CallOptions } from '../../src/client/options.js';
import { shipCall } from '../../src/client/shipping/ship.js';
import type { SlotLink, SlotUser } from '../../src/client/direct/slot-link.js';
import type { WorkerLink } from '../../src/client/direct/worker-link.js';
import { PoolError } from '../../src/core/errors.js';
import { LinkedList } from '../../src/core/linked-list.js';
import { Pace } from '../../src/core/pace.js';
import { withResolvers } from '../../src/core/with-resolvers.js';
import type { ShippedFunction } from '../../src/wire/functions/source.js';
import type { Failure__Output } from '../../src/wire/generated/offhand/v1/Failure.js';
import type { SettleLeaseRequest } from '../../src/wire/generated/offhand/v1/SettleLeaseRequest.js';
import type { SettleLeaseResponse__Output } from '../../src/wire/generated/offhand/v1/SettleLeaseResponse.js';
import type { SlotLease__Output } from '../../src/wire/generated/offhand/v1/SlotLease.js';
import type { TaskBatch } from '../../src/wire/generated/offhand/v1/TaskBatch.js';
import type { TaskOutcomes__Output } from '../../src/wire/generated/offhand/v1/TaskOutcomes.js';
import { bytesOf } from '../../src/wire/outcome.js';
import { encodePayload } from '../../src/wire/values/payload.js';

const echo = (value: unknown) => value;

/** What HeldLease uses of a link to a slot, with nothing behind it. */
class FakeSlot {
  readonly sent: TaskBatch[] = [];
  readonly users = new Set<SlotUser>();
  isReady = true;
  readonly isLocal = true;
  readonly isReached = true;
  readonly #known = new Set<string>();
  #count = 0;

  join(user: SlotUser): void {
    this.users.add(user);
  }

  part(user: SlotUser): void {
    this.users.delete(user);
  }

  knows(functionId: string): boolean {
    if (this.#known.has(functionId)) return true;
    this.#known.add(functionId);
    return false;
  }

  forget({ id }: ShippedFunction): void {
    this.#known.delete(id);
  }

  nextNumber(): number {
    return ++this.#count;
  }

  send(batch: TaskBatch): void {
    this.sent.push(batch);
  }

  tell(...outcomes: TaskOutcomes__Output[]): void {
    for (const user of [...this.users]) user.onOutcomes(outcomes);
  }

  close(): void {
    for (const user of [...this.users]) user.onClosing();
  }

  vanish(): void {
    for (const user of [...this.users]) user.onGone();
  }

  break(): void {
    for (const user of [...this.users]) user.onBroken();
  }
}

/** What HeldLease uses of a link to a worker: the test answers in its place. */
class FakeWorker {
  readonly asked: SettleLeaseRequest[] = [];
  #answer = withResolvers<SettleLeaseResponse__Output>();
  #asked = withResolvers<SettleLeaseRequest>();

  settleLease(request: SettleLeaseRequest): Promise<SettleLeaseResponse__Output> {
    this.asked.push(request);
    this.#asked.resolve(request);
    return this.#answer.promise;
  }

  explainLoss(): Promise<PoolError> {
    return Promise.resolve(new PoolError('worker-lost', 'its worker was lost'));
  }

  /** Resolves with the first question. */
  get whenAsked(): Promise<SettleLeaseRequest> {
    return this.#asked.promise;
  }

  async answer(answer: Partial<SettleLeaseResponse__Output>): Promise<void> {
    this.#answer.resolve({ begun: 0, failure: null, unsent: [], ...answer });
    await afterTurn();
  }

  async refuse(error: PoolError): Promise<void> {
    this.#answer.reject(error);
    await afterTurn();
  }
}

/** Every step that is only microtasks away is done. */
export function afterTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A client with one slot: a line of tasks, and leases on that slot, whose numbers are those of the slot's link. */
export class Scene implements LeaseHolder {
  readonly slot = new FakeSlot();
  readonly worker = new FakeWorker();
  readonly pace = new Pace();
  readonly line = new LinkedList<DirectTask>();
  /** By the name of the task: its value, or why it failed. */
  readonly settled: Record<string, unknown> = {};
  readonly handedBack: string[][] = [];
  readonly ended: number[] = [];
  /** Tasks an attempt at which has failed, with what happened. */
  readonly failed: [name: string, code: string][] = [];
  /** Those of them that ran alone on their worker. */
  readonly alone: string[] = [];
  readonly through: number[] = [];
  readonly abandoned: number[] = [];
  /** Epochs of leases whose priority has changed, with the priority. */
  readonly regraded: [epoch: number, priority: number][] = [];
  changes = 0;

  lease(epoch = 1, changes: Partial<SlotLease__Output> = {}): HeldLease {
    const lease = {
      leaseId: `lease ${epoch}`,
      epoch,
      workerId: 'w',
      worker: 'worker-1',
      host: '127.0.0.1',
      port: 1,
      slotAddress: '',
      workerSlots: 1,
      alone: false,
      priority: 0,
      reason: '',
      ...changes,
    };
    return new HeldLease(
      lease,
      this.slot as unknown as SlotLink,
      this.worker as unknown as WorkerLink,
      this.pace,
      this,
    );
  }

  /** Puts a task in line. */
  add(name: string, options: CallOptions = {}, arg: unknown = name): DirectTask {
    const call = { fn: echo, args: [arg], options: { name, ...options }, captures: Captures.none };
    const task = new DirectTask(shipCall(call), (isOk, value) => {
      if (name in this.settled) throw new Error(`${name} was settled twice`);
      this.settled[name] = isOk ? value : inShort(value);
    });
    this.line.push(task);
    return task;
  }

  /** A lease with these tasks under way, numbered on from those before. They are known to be short. */
  leaseWith(names: readonly string[], epoch = 1): HeldLease {
    const lease = this.lease(epoch);
    for (const name of names) this.add(name);
    this.areShort();
    lease.fill(this.line, 1);
    if (this.line.size > 0) throw new Error('the lease has no room for so many');
    return lease;
  }

  /** Tasks are known to take next to nothing, so that many go at once. */
  areShort(): void {
    this.pace.note(Captures.none.ship(echo).id, 1, 0);
  }

  changed(): void {
    this.changes += 1;
  }

  graded(lease: HeldLease): void {
    this.regraded.push([lease.epoch, lease.tellUse().priority]);
  }

  handBack(tasks: DirectTask[]): void {
    this.handedBack.push(tasks.map(({ name }) => name));
  }

  attemptFailed(task: DirectTask, code: string, reason: unknown, wasAlone: boolean): void {
    this.failed.push([task.name, code]);
    if (wasAlone) this.alone.push(task.name);
    task.fail(reason);
  }

  ending(lease: HeldLease): void {
    this.ended.push(lease.epoch);
  }

  over(lease: HeldLease): void {
    this.through.push(lease.epoch);
  }

  abandon(lease: HeldLease): void {
    this.abandoned.push(lease.epoch);
  }
}

const UNTOLD = { waitMs: 0, decodeMs: 0, yielded: false, quiet: false };

function inShort(reason: unknown): unknown {
  return reason instanceof PoolError ? [reason.code, reason.mayHaveRun] : reason;
}

export function result(number: number, value: unknown): TaskOutcomes__Output {
  return { ...results(number, [value]), results: payload(value), isList: false };
}

export function results(number: number, values: unknown[]): TaskOutcomes__Output {
  return { number, count: values.length, results: payload(values), isList: true, runMs: 0, ...UNTOLD };
}

export function failed(number: number, count: number, failure: Failure__Output): TaskOutcomes__Output {
  return { number, count, failure, isList: false, runMs: 0, ...UNTOLD };
}

export function notBegun(number: number, count: number): TaskOutcomes__Output {
  return { number, count, notBegun: true, isList: false, runMs: 0, ...UNTOLD };
}

export function failure(code: string, mayHaveRun = true, message = code): Failure__Output {
  return { code, message, name: '', stack: '', mayHaveRun, error: null };
}

function payload(value: unknown) {
  return bytesOf(encodePayload(value, 'V8', 'the result'));
}
