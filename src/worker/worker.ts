import { randomUUID } from 'node:crypto';
import { PoolError } from '../core/errors.js';
import { type WorkerId, workerId } from '../core/ids.js';
import type { Credentials } from '../wire/credentials.js';
import type { RunCodeRequest__Output } from '../wire/generated/offhand/v1/RunCodeRequest.js';
import type { SettleLeaseRequest__Output } from '../wire/generated/offhand/v1/SettleLeaseRequest.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import { idOf } from '../wire/functions/source.js';
import { readLease, type SignedLease } from '../wire/lease-token.js';
import type { Failure, Outcome } from '../wire/outcome.js';
import { payloadFrom } from '../wire/values/payload.js';
import type { Fate } from './fates.js';
import { timeoutFrom } from './limits.js';
import { SlotLeases } from './slot-leases.js';
import type { SlotPlace } from './slot-place.js';
import { Slot, type SlotCall } from './slot.js';

export type Phase = 'created' | 'running' | 'draining' | 'stopped';

/** How long a thread that has hung up may take to be known as ended, in ms. */
const LOSS_NOTICE_MS = 200;

export interface WorkerSettings {
  /** By slot: where it is to listen for streams of tasks. */
  slotPlaces: readonly SlotPlace[];
  credentials: Credentials;
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
  readonly id: WorkerId = workerId(randomUUID().replaceAll('-', ''));
  readonly leases: SlotLeases;
  readonly #slots: Slot[];
  /** By slot: how to stop the attempt under way. */
  readonly #attempts: (AbortController | undefined)[] = [];
  readonly #startedAt = performance.now();
  onStuck: () => void = endStuck;
  /** Told when this worker has ended a lease by itself, and nothing of it runs. */
  onLeaseEnded: (lease: { slot: number; epoch: number }) => void = () => undefined;
  #phase: Phase = 'created';
  #signingKey: Uint8Array | undefined;

  /** Its threads begin to load at once. */
  constructor({ slotPlaces, credentials }: WorkerSettings) {
    this.#slots = slotPlaces.map((place, index) => {
      const settings = { workerId: this.id, slot: index, place, credentials };
      return new Slot(settings, { stuck: () => this.onStuck(), lost: () => void this.#onLost(index) });
    });
    this.leases = new SlotLeases(this.#slots.map((slot) => slot.board));
  }

  /** Where clients reach the slots, once they are ready. */
  get slotAddresses(): string[] {
    return this.#slots.map((slot) => slot.address);
  }

  async whenReady(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.whenIdle()));
  }

  attached(signingKey: Uint8Array): void {
    this.#signingKey = signingKey;
    for (const slot of this.#slots) slot.signingKey = signingKey;
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

  /** Runs one call under its lease; an aborted signal stops it. @throws PoolError when the call is refused. */
  async runCode(request: RunCodeRequest__Output, signal: AbortSignal): Promise<Outcome> {
    if (this.#phase !== 'running') throw new PoolError('unavailable', `this worker is ${this.#phase}`);
    const call = callFrom(request);
    const lease = this.#readLease(request.leaseId);
    this.leases.begin(lease, performance.now());
    // A newer lease proves that the one before it is over, even if the coordinator's notice is still on its way.
    const running = this.#slotAt(lease.slot).board.running;
    if (this.#attempts[lease.slot] || (running && running.epoch < lease.epoch))
      this.#abort(lease.slot, leaseEnded);
    const attempt = new AbortController();
    const cancel = () => attempt.abort(new PoolError('cancelled', 'the caller went away'));
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    this.#attempts[lease.slot] = attempt;
    try {
      return await this.#execute(this.#slotAt(lease.slot), { ...call, epoch: lease.epoch }, attempt.signal);
    } finally {
      signal.removeEventListener('abort', cancel);
      if (this.#attempts[lease.slot] === attempt) this.#attempts[lease.slot] = undefined;
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
    if (abort && isCurrent) this.#abort(index, leaseEnded);
    await slot.whenIdle();
  }

  /** Begins nothing more under any lease it has; what runs may finish. */
  endLeases(): void {
    for (const slot of this.#slots) slot.endLease(slot.board.admitted);
  }

  /** Ends a lease for its holder, and tells what became of its tasks. @throws PoolError `lease-lost`, `not-found` */
  async settleLease(request: SettleLeaseRequest__Output): Promise<Fate> {
    const { slot: index, epoch } = this.#readLease(request.leaseId);
    const slot = this.#slotAt(index);
    slot.endLease(epoch);
    // Whose stream has broken with its thread hears how that ended.
    if (request.stopAny) await slot.whenLost(LOSS_NOTICE_MS);
    const running = slot.board.running;
    if (running?.epoch === epoch && (request.stopAny || request.stopTasks.includes(running.number))) {
      slot.abort(new PoolError('cancelled', 'its caller stopped the task'));
    }
    void slot.whenIdle().then(() => this.onLeaseEnded({ slot: index, epoch }));
    const fate = slot.fateOf(epoch);
    if (fate) return fate;
    throw new PoolError('not-found', 'what became of this lease is no longer known');
  }

  /** Takes nothing new; resolves when what runs has ended, or has been aborted after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.#phase = 'draining';
    const timer = setTimeout(() => {
      const reason = () => new PoolError('worker-lost', 'the worker was stopped while the task ran');
      this.#slots.forEach((_, slot) => this.#abort(slot, reason));
    }, withinMs);
    this.endLeases();
    await Promise.all(this.#slots.map((slot) => slot.whenIdle()));
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    this.#phase = 'stopped';
    await Promise.all(this.#slots.map((slot) => slot.close()));
  }

  #abort(slot: number, reason: () => PoolError): void {
    const attempt = this.#attempts[slot];
    if (attempt) attempt.abort(reason());
    else this.#slotAt(slot).abort(reason());
  }

  /** With its thread a slot loses its lease. */
  async #onLost(index: number): Promise<void> {
    const slot = this.#slotAt(index);
    const epoch = slot.board.admitted;
    if (!slot.board.isOver(epoch)) return;
    await slot.whenIdle();
    this.onLeaseEnded({ slot: index, epoch });
  }

  /** @throws PoolError `lease-lost` */
  #readLease(token: string): SignedLease {
    const lease = this.#signingKey && readLease(token, this.#signingKey);
    if (lease?.worker === this.id) return lease;
    throw new PoolError('lease-lost', 'lease_id: not a lease on this worker; FindFreeWorker gives one');
  }

  /** @param signal its reason is the error that a stopped attempt ends with. */
  async #execute(slot: Slot, call: SlotCall, signal: AbortSignal): Promise<Outcome> {
    await slot.whenIdle();
    if (signal.aborted) throw signal.reason;
    const onAbort = () => slot.abort(signal.reason as PoolError);
    signal.addEventListener('abort', onAbort, { once: true });
    const outcome = await slot.run(call);
    signal.removeEventListener('abort', onAbort);
    if (outcome.kind === 'failure' && !outcome.failure.mayHaveRun) throw refusal(outcome.failure);
    return outcome;
  }

  #slotAt(index: number): Slot {
    const slot = this.#slots[index];
    if (!slot) throw new PoolError('lease-lost', `this worker has no slot ${index}`);
    return slot;
  }
}

function leaseEnded(): PoolError {
  return new PoolError('lease-lost', 'the lease ended while the task ran');
}

/** What never began is no outcome of the task but a refused call. */
function refusal({ code, message }: Failure): PoolError {
  return new PoolError(code === 'thrown' ? 'internal' : code, message);
}

/** Checks what came by wire. @throws PoolError `invalid-argument`, naming the field. */
function callFrom(request: RunCodeRequest__Output): Omit<SlotCall, 'epoch'> {
  if (!request.leaseId)
    throw new PoolError('invalid-argument', 'lease_id: expected a lease from FindFreeWorker, got none');
  const { source, functionId: known } = request;
  if (!source && !known)
    throw new PoolError('invalid-argument', 'function: expected source or function_id, got neither');
  return {
    functionId: source ? idOf(source) : String(known),
    source: source || undefined,
    args: payloadFrom(request.arguments, 'arguments'),
    taskId: request.taskId || randomUUID(),
    name: request.name || 'anonymous',
    timeoutMs: timeoutFrom(request.limits),
  };
}
