import { assertNever } from './assert-never.js';
import { Heap } from './heap.js';
import type { ClientId, RequestId, WorkerId } from './ids.js';
import { type LeaseKey, UNUSED_LEASE_TTL_MS } from './lease.js';
import { FirstFree, type PlacementPolicy } from './placement.js';
import { type Expiry, Registry, type Slot, WorkerRecord } from './registry.js';
import { WaitingLine } from './waiting-line.js';

/** A lease that a worker still honours when it attaches (again). */
export interface HeldLease {
  inUse: boolean;
  idleMs: number;
}

/** What happened. */
export type SchedulerEvent =
  | {
      type: 'worker-attached';
      worker: WorkerId;
      /** Workers of lower rank are taken first. */
      rank: number;
      /** One per slot: the highest epoch the worker has seen, and the lease of that epoch if it still lives. */
      slots: readonly { epoch: number; held?: HeldLease | undefined }[];
    }
  | { type: 'worker-draining'; worker: WorkerId }
  | { type: 'worker-lost'; worker: WorkerId }
  | { type: 'lease-requested'; request: RequestId; client: ClientId }
  | { type: 'request-withdrawn'; request: RequestId }
  | { type: 'lease-used'; lease: LeaseKey; inUse: boolean; idleMs: number }
  | { type: 'lease-released'; lease: LeaseKey }
  | { type: 'lease-ended'; lease: LeaseKey }
  | { type: 'time-passed' };

/** What the coordinator is to do about it. */
export type SchedulerCommand =
  | { type: 'grant-lease'; request: RequestId; lease: LeaseKey; ttlMs: number }
  /** Tell the worker: stop what runs under this lease, begin nothing more, and say when that is so. */
  | { type: 'end-lease'; lease: LeaseKey };

/**
 * Decides who gets which slot, and when a lease is over. Pure: events and the time in, commands out; no clock, no
 * randomness, no I/O.
 *
 * `now` is any clock in ms that never goes back. Every grant, expiry and release costs O(log n) in workers and in waiting
 * requests.
 */
export class Scheduler {
  readonly #registry = new Registry();
  readonly #line = new WaitingLine();
  readonly #placement: PlacementPolicy;
  #epoch: number;
  readonly #expiries = new Heap<Expiry>((a, b) => a.at < b.at);

  /**
   * @param epoch leases are numbered from here on. A coordinator that restarts must begin above whatever it granted
   * before, else a lease of its earlier life could pass for a new one.
   */
  constructor(epoch = 0, placement: PlacementPolicy = new FirstFree()) {
    this.#epoch = epoch;
    this.#placement = placement;
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** When a `time-passed` event is due, on the clock of `now`; undefined while nothing can expire. */
  get nextExpiryAt(): number | undefined {
    return this.#expiries.peek()?.at;
  }

  isBusy(worker: WorkerId): boolean {
    return this.#registry.get(worker)?.isBusy ?? false;
  }

  handle(event: SchedulerEvent, now: number): SchedulerCommand[] {
    const commands: SchedulerCommand[] = [];
    switch (event.type) {
      case 'worker-attached':
        this.#attach(event, now, commands);
        break;
      case 'worker-draining':
        this.#drain(event.worker);
        break;
      case 'worker-lost':
        this.#lose(event.worker, now);
        break;
      case 'lease-requested':
        this.#line.join(event.request, event.client, now);
        break;
      case 'request-withdrawn':
        this.#line.withdraw(event.request, now);
        break;
      case 'lease-used':
        this.#noteUse(event.lease, event.inUse ? undefined : now - event.idleMs + UNUSED_LEASE_TTL_MS);
        break;
      case 'lease-released':
        this.#end(this.#registry.slotOf(event.lease), commands);
        break;
      case 'lease-ended':
        this.#free(this.#registry.slotOf(event.lease), now);
        break;
      case 'time-passed':
        break;
      default:
        assertNever(event);
    }
    this.#expire(now, commands);
    this.#grant(now, commands);
    return commands;
  }

  #attach(
    event: Extract<SchedulerEvent, { type: 'worker-attached' }>,
    now: number,
    commands: SchedulerCommand[],
  ): void {
    const known = this.#registry.get(event.worker);
    this.#lose(event.worker, now);
    const epochs = event.slots.map((slot) => slot.epoch);
    this.#epoch = Math.max(this.#epoch, ...epochs);
    const worker = new WorkerRecord(event.worker, event.rank, epochs);
    if (known) worker.phase = known.phase;
    this.#registry.add(worker);
    for (const slot of worker.slots) {
      const held = event.slots[slot.index]?.held;
      if (!held) {
        if (worker.phase === 'running') this.#placement.add(slot);
        continue;
      }
      slot.state = { kind: 'leased', client: undefined };
      this.#noteUse(slot.key, held.inUse ? undefined : now - held.idleMs + UNUSED_LEASE_TTL_MS);
      if (known?.slots[slot.index]?.state.kind === 'ending') this.#end(slot, commands);
    }
  }

  #drain(id: WorkerId): void {
    const worker = this.#registry.get(id);
    if (!worker) return;
    worker.phase = 'draining';
    for (const slot of worker.slots) this.#placement.remove(slot);
  }

  #lose(id: WorkerId, now: number): void {
    for (const slot of this.#registry.get(id)?.slots ?? []) {
      this.#placement.remove(slot);
      this.#setExpiry(slot, undefined);
      this.#settleAccount(slot, now);
    }
    this.#registry.remove(id);
  }

  #noteUse(lease: LeaseKey, expiresAt: number | undefined): void {
    const slot = this.#registry.slotOf(lease);
    if (slot?.state.kind === 'leased') this.#setExpiry(slot, expiresAt);
  }

  #expire(now: number, commands: SchedulerCommand[]): void {
    for (let next = this.#expiries.peek(); next && next.at <= now; next = this.#expiries.peek()) {
      this.#end(next.slot, commands);
    }
  }

  #end(slot: Slot | undefined, commands: SchedulerCommand[]): void {
    if (slot?.state.kind !== 'leased') return;
    this.#setExpiry(slot, undefined);
    slot.state = { kind: 'ending', client: slot.state.client };
    commands.push({ type: 'end-lease', lease: slot.key });
  }

  /** A worker may also end a lease by itself, so this does not ask whether it was told to. */
  #free(slot: Slot | undefined, now: number): void {
    if (!slot || slot.state.kind === 'free') return;
    this.#setExpiry(slot, undefined);
    this.#settleAccount(slot, now);
    slot.state = { kind: 'free' };
    if (slot.worker.phase === 'running') this.#placement.add(slot);
  }

  #settleAccount(slot: Slot, now: number): void {
    if (slot.state.kind !== 'free' && slot.state.client) this.#line.giveBack(slot.state.client, now);
  }

  #grant(now: number, commands: SchedulerCommand[]): void {
    while (this.#line.size > 0) {
      const slot = this.#placement.take();
      if (!slot) return;
      const request = this.#line.next(now);
      if (!request) return;
      slot.epoch = ++this.#epoch;
      slot.state = { kind: 'leased', client: request.account.client };
      this.#setExpiry(slot, now + UNUSED_LEASE_TTL_MS);
      commands.push({
        type: 'grant-lease',
        request: request.id,
        lease: slot.key,
        ttlMs: UNUSED_LEASE_TTL_MS,
      });
    }
  }

  /** A lease in use has no expiry: the code that runs under it renews it. */
  #setExpiry(slot: Slot, at: number | undefined): void {
    this.#expiries.remove(slot.expiry);
    if (at === undefined) return;
    slot.expiry.at = at;
    this.#expiries.push(slot.expiry);
  }
}
