import { randomUUID } from 'node:crypto';
import { PoolError } from '../core/errors.js';
import { MAX_TIMER_MS } from '../core/timer.js';
import { type WorkerId, workerId } from '../core/ids.js';
import type { RunCodeRequest__Output } from '../wire/generated/offhand/v1/RunCodeRequest.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import { idOf } from '../wire/functions/source.js';
import { readLease } from '../wire/lease-token.js';
import type { Failure, Outcome } from '../wire/outcome.js';
import { payloadFrom } from '../wire/values/payload.js';
import { SlotLeases } from './slot-leases.js';
import { Slot, type SlotCall } from './slot.js';

export type Phase = 'created' | 'running' | 'draining' | 'stopped';

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
  #phase: Phase = 'created';
  #signingKey: Uint8Array | undefined;
  #completed = 0;
  #failed = 0;

  /** @param onStuck called when a slot's thread can be neither ended nor started. */
  constructor(slots: number, onStuck: () => void) {
    this.leases = new SlotLeases(slots);
    this.#slots = Array.from({ length: slots }, () => new Slot(onStuck));
  }

  async whenReady(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.whenIdle()));
  }

  attached(signingKey: Uint8Array): void {
    this.#signingKey = signingKey;
    if (this.#phase === 'created') this.#phase = 'running';
  }

  get phase(): Phase {
    return this.#phase;
  }

  get slots(): number {
    return this.#slots.length;
  }

  get counters(): { uptimeMs: number; busyMs: number; completed: number; failed: number } {
    const busyMs = this.#slots.reduce((sum, slot) => sum + slot.busyMs, 0);
    return {
      uptimeMs: performance.now() - this.#startedAt,
      busyMs,
      completed: this.#completed,
      failed: this.#failed,
    };
  }

  /** This worker's part of the status document, but for its address. */
  get state(): Omit<WorkerState, 'worker' | 'host' | 'port' | 'pid'> {
    const running = this.#slots.flatMap((slot) => slot.running ?? []);
    const uses = this.leases.uses(performance.now());
    return {
      phase: this.#phase,
      slots: this.slots,
      busy: uses.length >= this.slots,
      tasks: running,
      completed: this.#completed,
      failed: this.#failed,
    };
  }

  /** Runs one call under its lease; an aborted signal stops it. @throws PoolError when the call is refused. */
  async runCode(request: RunCodeRequest__Output, signal: AbortSignal): Promise<Outcome> {
    if (this.#phase !== 'running') throw new PoolError('unavailable', `this worker is ${this.#phase}`);
    const call = callFrom(request);
    const lease = this.#signingKey && readLease(request.leaseId, this.#signingKey);
    if (lease?.worker !== this.id) {
      throw new PoolError('lease-lost', 'lease_id: not a lease on this worker; FindFreeWorker gives one');
    }
    this.leases.begin(lease, performance.now());
    // A newer lease proves that the one before it is over, even if the coordinator's notice is still on its way.
    this.#abort(lease.slot, leaseEnded);
    const attempt = new AbortController();
    const cancel = () => attempt.abort(new PoolError('cancelled', 'the caller went away'));
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    this.#attempts[lease.slot] = attempt;
    try {
      return await this.#execute(this.#slotAt(lease.slot), call, attempt.signal);
    } finally {
      signal.removeEventListener('abort', cancel);
      if (this.#attempts[lease.slot] === attempt) this.#attempts[lease.slot] = undefined;
      this.leases.rest(lease, performance.now());
    }
  }

  /** Stops what runs under this lease and refuses it from now on; resolves when its slot is idle. */
  async endLease(lease: { slot: number; epoch: number }): Promise<void> {
    const isCurrent = this.leases.epochs[lease.slot] === lease.epoch;
    this.leases.end(lease);
    if (isCurrent) this.#abort(lease.slot, leaseEnded);
    await this.#slotAt(lease.slot).whenIdle();
  }

  /** Takes nothing new; resolves when what runs has ended, or has been aborted after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.#phase = 'draining';
    const timer = setTimeout(() => {
      const reason = () => new PoolError('worker-lost', 'the worker was stopped while the task ran');
      this.#slots.forEach((_, slot) => this.#abort(slot, reason));
    }, withinMs);
    await Promise.all(this.#slots.map((slot) => slot.whenFree()));
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    this.#phase = 'stopped';
    await Promise.all(this.#slots.map((slot) => slot.close()));
  }

  #abort(slot: number, reason: () => PoolError): void {
    const attempt = this.#attempts[slot];
    if (attempt) attempt.abort(reason());
  }

  /** @param signal its reason is the error that a stopped attempt ends with. */
  async #execute(slot: Slot, call: SlotCall, signal: AbortSignal): Promise<Outcome> {
    await slot.whenIdle();
    if (signal.aborted) throw signal.reason;
    const onAbort = () => slot.abort(signal.reason as PoolError);
    signal.addEventListener('abort', onAbort, { once: true });
    const outcome = await slot.run(call);
    signal.removeEventListener('abort', onAbort);
    if (outcome.kind === 'result') this.#completed += 1;
    else if (outcome.failure.mayHaveRun) this.#failed += 1;
    else throw refusal(outcome.failure);
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
function callFrom(request: RunCodeRequest__Output): SlotCall {
  if (!request.leaseId)
    throw new PoolError('invalid-argument', 'lease_id: expected a lease from FindFreeWorker, got none');
  const { source, functionId: known } = request;
  if (!source && !known)
    throw new PoolError('invalid-argument', 'function: expected source or function_id, got neither');
  const timeoutMs = request.limits?.timeoutMs;
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw new PoolError(
      'invalid-argument',
      `limits.timeout_ms: expected a duration above 0, got ${timeoutMs}`,
    );
  }
  return {
    functionId: source ? idOf(source) : String(known),
    source: source || undefined,
    args: payloadFrom(request.arguments, 'arguments'),
    taskId: request.taskId || randomUUID(),
    name: request.name || 'anonymous',
    timeoutMs: timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS ? timeoutMs : undefined,
  };
}
