import { randomUUID } from 'node:crypto';
import { messageOf, PoolError } from '../core/errors.js';
import type { WorkerId } from '../core/ids.js';
import type { Credentials } from '../wire/credentials.js';
import type { RunCodeRequest__Output } from '../wire/generated/offhand/v1/RunCodeRequest.js';
import type { SettleLeaseRequest__Output } from '../wire/generated/offhand/v1/SettleLeaseRequest.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import type { NamedFunction } from '../wire/functions/named.js';
import { readLease, type SignedLease } from '../wire/lease-token.js';
import type { Failure, Outcome } from '../wire/outcome.js';
import { payloadFrom } from '../wire/values/payload.js';
import type { Board } from './board.js';
import { calledFunctionFrom } from './called-function.js';
import type { Fate } from './fates.js';
import { Followers } from './followers.js';
import { type AskedPut, PutStore } from './put-store.js';
import { SlotLeases } from './slot-leases.js';
import type { SlotPlace } from './slot-place.js';
import { Slot, type StopReason } from './slot.js';
import type { TaskNews, UnaryTask } from './thread-messages.js';
import { ValuePuller } from './value-puller.js';

export type Phase = 'created' | 'running' | 'draining' | 'stopped';

/**
 * How long a thread that has hung up may take to be known as ended, in ms: one that gives up a full heap on a busy machine
 * takes its time. A task whose connection alone is lost runs on for as long.
 */
const LOSS_NOTICE_MS = 2_000;

const LEASE_ENDED: StopReason = { code: 'lease-lost', message: 'the lease ended while the task ran' };
const STREAM_BROKE: StopReason = {
  code: 'lease-lost',
  message: 'the stream to its caller broke while the task ran',
};
const WORKER_STOPPED: StopReason = {
  code: 'worker-lost',
  message: 'the worker was stopped while the task ran',
};

export interface WorkerSettings {
  id: WorkerId;
  /** By slot: where it is to listen for streams of tasks. */
  slotPlaces: readonly SlotPlace[];
  credentials: Credentials;
  /** Of each slot's thread; as much as V8 allows where undefined. */
  maxHeapBytes: number | undefined;
  /** Absolute path of the folder from which tasks import and require. */
  moduleFolder: string;
  /** Whether there is a log for what tasks print. */
  keepsOutput: boolean;
  /** How much each attempt may print. */
  maxOutputBytes: number;
  /** Those that may run; any where undefined. */
  functions: readonly NamedFunction[] | undefined;
  /** File of who ran what; nobody keeps that where undefined. */
  auditLog: string | undefined;
  /** The name that it has from whoever starts it, if it has one. */
  name: string | undefined;
}

/** Ends a process one of whose threads can be neither ended nor started. */
export function endStuck(): void {
  // Not exit(), which waits for that very thread.
  process.kill(process.pid, 'SIGKILL');
}

/**
 * What a worker is and does, apart from the wires it is reached by: it honours leases, runs calls in its slots, and keeps
 * count. created → running (attached for the first time) → draining → stopped.
 */
export class Worker {
  /** This incarnation. */
  readonly id: WorkerId;
  readonly leases: SlotLeases;
  readonly #slots: Slot[];
  readonly #startedAt = performance.now();
  onStuck: () => void = endStuck;
  /** Told when this worker ends a lease by itself; something of it may still run. */
  onLeaseEnding: (lease: { slot: number; epoch: number }) => void = () => undefined;
  /** Told when this worker has ended a lease by itself, and nothing of it runs. */
  onLeaseEnded: (lease: { slot: number; epoch: number }) => void = () => undefined;
  /** Told what tasks tell of themselves, for the log. */
  onNews: (news: TaskNews) => void = () => undefined;
  readonly followers = new Followers();
  /** Values that clients have put. */
  readonly puts: PutStore;
  #phase: Phase = 'created';
  #signingKey: Uint8Array | undefined;

  /** Its threads begin to load at once. */
  constructor({ id, name = id, slotPlaces, ...shared }: WorkerSettings) {
    this.id = id;
    this.#slots = slotPlaces.map((place, index) => {
      const settings = { ...threadSettings(shared), workerId: id, worker: name, slot: index, place };
      return new Slot(settings, {
        stuck: () => this.onStuck(),
        lost: () => void this.#onLost(index),
        news: (news) => {
          this.onNews(news);
          this.followers.tell(news);
        },
        wanted: (asked) => void this.#givePut(index, asked),
      });
    });
    this.puts = new PutStore(new ValuePuller(shared.credentials), (dropped) => {
      for (const slot of this.#slots) slot.give({ type: 'drop', id: dropped });
    });
    this.leases = new SlotLeases(this.#slots.map((slot) => slot.board));
  }

  /** Where clients reach the slots, once they are ready. */
  get slotAddresses(): string[] {
    return this.#slots.map((slot) => slot.address);
  }

  /** By slot. */
  get boards(): Board[] {
    return this.#slots.map(({ board }) => board);
  }

  async whenReady(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.whenIdle()));
  }

  /** @param overUpTo leases up to this epoch are over, whether they were seen here or not. */
  attached(signingKey: Uint8Array, overUpTo: number): void {
    this.#signingKey = signingKey;
    for (const slot of this.#slots) {
      slot.signingKey = signingKey;
      slot.board.end(overUpTo);
    }
    if (this.#phase === 'created') this.#phase = 'running';
  }

  get phase(): Phase {
    return this.#phase;
  }

  get slots(): number {
    return this.#slots.length;
  }

  get counters(): { uptimeMs: number; busyMs: number; completed: number; failed: number } {
    const sum = { busyMs: 0, completed: 0, failed: 0 };
    for (const { board } of this.#slots) {
      const { busyMs, completed, failed } = board.counters;
      sum.busyMs += busyMs;
      sum.completed += completed;
      sum.failed += failed;
    }
    return { uptimeMs: performance.now() - this.#startedAt, ...sum };
  }

  /** This worker's part of the status document, but for its address. */
  get state(): Omit<WorkerState, 'worker' | 'host' | 'port' | 'pid'> {
    const running = this.#slots.flatMap((slot) => slot.running ?? []);
    const uses = this.leases.uses(performance.now());
    const { completed, failed } = this.counters;
    const busy = uses.length >= this.slots;
    return { phase: this.#phase, slots: this.slots, busy, tasks: running, completed, failed };
  }

  /**
   * Runs one call under its lease; an aborted signal stops it.
   *
   * @param caller the name that it goes by.
   * @throws PoolError when the call is refused.
   */
  async runCode(request: RunCodeRequest__Output, caller: string, signal: AbortSignal): Promise<Outcome> {
    if (this.#phase !== 'running') throw new PoolError('unavailable', `this worker is ${this.#phase}`);
    const task = unaryTaskFrom(request);
    const lease = this.#readLease(request.leaseId);
    this.leases.begin(lease, performance.now());
    const slot = this.#slotAt(lease.slot);
    // A newer lease proves that the one before it is over, even if the coordinator's notice is still on its way.
    if (slot.board.running?.epoch !== lease.epoch) slot.stop(LEASE_ENDED);
    try {
      const taskId = request.taskId || randomUUID();
      const outcome = await slot.run(taskId, { ...task, taskId, caller, epoch: lease.epoch }, signal);
      if (outcome.kind === 'failure' && !outcome.failure.mayHaveRun) throw refusal(outcome.failure);
      return outcome;
    } finally {
      this.leases.rest(lease, performance.now());
    }
  }

  /**
   * Begins nothing more under this lease, and stops what runs under it or lets it finish; resolves when its slot is idle.
   */
  async endLease({
    slot: index,
    epoch,
    abort,
  }: {
    slot: number;
    epoch: number;
    abort: boolean;
  }): Promise<void> {
    const slot = this.#slotAt(index);
    const isCurrent = slot.board.admitted === epoch;
    slot.endLease(epoch);
    if (abort && isCurrent) slot.stop(LEASE_ENDED);
    await slot.whenIdle();
  }

  /**
   * Whether nothing is heard of the coordinator: then nothing more begins under any lease, and those it had are over; what
   * runs may finish.
   */
  set isCutOff(isCutOff: boolean) {
    for (const slot of this.#slots) slot.board.isCutOff = isCutOff;
    if (isCutOff) this.#endLeases();
  }

  #endLeases(): void {
    for (const slot of this.#slots) slot.endLease(slot.board.admitted);
  }

  /** Ends a lease for its holder, and tells what became of its tasks. @throws PoolError `lease-lost`, `not-found` */
  async settleLease(request: SettleLeaseRequest__Output): Promise<Fate> {
    const { slot: index, epoch } = this.#readLease(request.leaseId);
    const slot = this.#slotAt(index);
    slot.endLease(epoch);
    // Whose stream has broken with its thread hears how that ended, which may not be known yet.
    if (request.stopAny && slot.board.running?.epoch === epoch) await slot.whenLost(LOSS_NOTICE_MS);
    const running = slot.board.running;
    if (running?.epoch === epoch) {
      if (request.stopTasks.includes(running.number))
        slot.stop({ code: 'cancelled', message: 'its caller stopped the task' });
      // Nobody wanted the task to stop: it may be tried again.
      else if (request.stopAny) slot.stop(STREAM_BROKE);
    }
    void slot.whenIdle().then(() => this.onLeaseEnded({ slot: index, epoch }));
    const fate = slot.fateOf(epoch);
    if (fate) return fate;
    throw new PoolError('not-found', 'what became of this lease is no longer known');
  }

  /** Takes nothing new; resolves when what runs has ended, or has been stopped after `withinMs`, if that is given. */
  async drain(withinMs: number | undefined): Promise<void> {
    this.#phase = 'draining';
    const stop = () => this.#slots.forEach((slot) => slot.stop(WORKER_STOPPED, true));
    const timer = withinMs === undefined ? undefined : setTimeout(stop, withinMs);
    for (const slot of this.#slots) slot.retire();
    await Promise.all(this.#slots.map((slot) => slot.whenIdle()));
    clearTimeout(timer);
  }

  /** When it has drained: resolves when everybody knows what became of their tasks and has hung up, or after a while. */
  async hangUp(withinMs: number): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.hangUp(withinMs)));
  }

  /**
   * The process uses more memory than it may: stops what has run for that long at least. Of several tasks nobody knows
   * which one it is; they fail as lost, which may be tried again.
   */
  stopForMemory(words: string, leastRunMs: number): void {
    const running = this.#slots.filter(({ board }) => board.isRunning);
    const code = running.length === 1 ? 'out-of-memory' : 'worker-lost';
    for (const slot of running) {
      const task = slot.board.running;
      if (task && task.runningMs >= leastRunMs)
        slot.stop({ code, message: `\`${task.name}\`: ${words}` }, true);
    }
  }

  async stop(): Promise<void> {
    this.#phase = 'stopped';
    this.puts.close();
    await Promise.all(this.#slots.map((slot) => slot.close()));
  }

  async #givePut(index: number, asked: AskedPut): Promise<void> {
    const slot = this.#slotAt(index);
    try {
      slot.give({ type: 'put', id: asked.id, content: await this.puts.get(asked) });
    } catch (error) {
      const { code, message } =
        error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
      slot.give({ type: 'no-put', id: asked.id, code, message });
    }
  }

  /** With its thread a slot loses its lease. */
  async #onLost(index: number): Promise<void> {
    const slot = this.#slotAt(index);
    const epoch = slot.board.admitted;
    if (!slot.board.isOver(epoch)) return;
    // Whoever holds it asks what became of it while the code still runs: it may never stop.
    this.onLeaseEnding({ slot: index, epoch });
    await slot.whenIdle();
    this.onLeaseEnded({ slot: index, epoch });
  }

  /** @throws PoolError `lease-lost` */
  #readLease(token: string): SignedLease {
    const lease = this.#signingKey && readLease(token, this.#signingKey);
    if (lease?.worker === this.id) return lease;
    throw new PoolError('lease-lost', 'lease_id: not a lease on this worker; FindFreeWorker gives one');
  }

  #slotAt(index: number): Slot {
    const slot = this.#slots[index];
    if (!slot) throw new PoolError('lease-lost', `this worker has no slot ${index}`);
    return slot;
  }
}

/** Out of all that a worker is started with: what its threads need. */
function threadSettings({
  credentials,
  maxHeapBytes,
  moduleFolder,
  keepsOutput,
  maxOutputBytes,
  functions,
  auditLog,
}: Omit<WorkerSettings, 'id' | 'name' | 'slotPlaces'>) {
  return { credentials, maxHeapBytes, moduleFolder, keepsOutput, maxOutputBytes, functions, auditLog };
}

/** What never began is no outcome of the task but a refused call. */
function refusal({ code, message }: Failure): PoolError {
  return new PoolError(code === 'thrown' ? 'internal' : code, message);
}

/** Checks what came by wire. @throws PoolError `invalid-argument`, naming the field. */
function unaryTaskFrom(request: RunCodeRequest__Output): Omit<UnaryTask, 'epoch' | 'taskId' | 'caller'> {
  if (!request.leaseId)
    throw new PoolError('invalid-argument', 'lease_id: expected a lease from FindFreeWorker, got none');
  return { ...calledFunctionFrom(request), args: payloadFrom(request.arguments, 'arguments') };
}
