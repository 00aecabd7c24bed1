import type { LeaseRequest, LeaseWish } from './account.js';
import { assertNever } from '../assert-never.js';
import { Expiries } from './expiries.js';
import type { ClientId, RequestId, WorkerId } from '../ids.js';
import { type LeaseKey, UNUSED_LEASE_TTL_MS } from './lease.js';
import { Lines } from './lines.js';
import { FirstFree, type Placed, type PlacementPolicy, type PolicyName } from './placement.js';
import { placementOf } from './policies.js';
import { Registry, type Slot, WorkerRecord } from './registry.js';
import { Revocation } from './revocation.js';
import type { HeldLease, SchedulerCommand, SchedulerEvent } from './scheduler-events.js';
import { SolitaryLine } from './solitary-line.js';
import { NO_TAGS } from '../tags.js';
import { Usage } from './usage.js';

export type { HeldLease, SchedulerCommand, SchedulerEvent } from './scheduler-events.js';

/**
 * Decides who gets which slot, and when a lease is over. Pure: events and the time in, commands out; no clock, no
 * randomness, no I/O.
 *
 * `now` is any clock in ms that never goes back. Every grant, expiry and release costs O(log n) in workers and in waiting
 * requests.
 */
export class Scheduler {
  readonly #registry = new Registry();
  readonly #lines = new Lines();
  readonly #solitary = new SolitaryLine(this.#registry);
  #placement: PlacementPolicy;
  readonly #usage: Usage;
  #epoch: number;
  readonly #expiries = new Expiries();
  readonly #revocation = new Revocation(this.#lines);

  /**
   * @param epoch leases are numbered from here on. A coordinator that restarts must begin above whatever it granted
   * before, else a lease of its earlier life could pass for a new one.
   */
  constructor(epoch = 0, placement: PlacementPolicy = new FirstFree()) {
    this.#epoch = epoch;
    this.#placement = placement;
    this.#usage = new Usage(placement);
  }

  get policy(): PolicyName {
    return this.#placement.name;
  }

  /** Of the lease that was granted last. */
  get newestEpoch(): number {
    return this.#epoch;
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#lines.size + this.#solitary.size;
  }

  /** How many of them are this client's. */
  waitingOf(client: ClientId): number {
    return this.#lines.waitingOf(client);
  }

  /** When a `time-passed` event is due, on the clock of `now`; undefined while time alone changes nothing. */
  get nextTimeAt(): number | undefined {
    const expiryAt = this.#expiries.nextAt;
    const { nextAt } = this.#revocation;
    if (expiryAt === undefined || nextAt === undefined) return expiryAt ?? nextAt;
    return Math.min(expiryAt, nextAt);
  }

  /** Whether a client other than this one waits. */
  othersWait(client: ClientId): boolean {
    return this.#lines.othersWait(client);
  }

  isBusy(worker: WorkerId): boolean {
    return this.#registry.get(worker)?.isBusy ?? false;
  }

  /** Why a lease was granted when and where it was, and what it is used for, as long as it is the newest of its slot. */
  granted(lease: LeaseKey): Pick<Slot, 'reason' | 'use'> | undefined {
    return this.#registry.slotOf(lease);
  }

  /** The worker that a request waits for, under a policy that looks ahead. */
  planOf(request: RequestId): WorkerId | undefined {
    return this.#placement.plan?.workerOf(this.#lines.find(request))?.id;
  }

  handle(event: SchedulerEvent, now: number): SchedulerCommand[] {
    const commands: SchedulerCommand[] = [];
    let joined: LeaseRequest | undefined;
    switch (event.type) {
      case 'worker-attached':
        this.#attach(event, now, commands);
        break;
      case 'worker-draining':
        this.#withhold(event.worker, (worker) => (worker.phase = 'draining'), now);
        break;
      case 'worker-away':
        this.#withhold(event.worker, (worker) => (worker.isAway = true), now);
        break;
      case 'worker-lost':
        this.#lose(event.worker, now);
        break;
      case 'lease-requested':
        if (event.wish.alone || event.wish.worker) this.#solitary.join(event.request, event.wish);
        else joined = this.#lines.join(event.request, event.wish, now);
        break;
      case 'lease-claimed':
        this.#claim(event, now, commands);
        break;
      case 'lease-regraded':
        this.#regrade(event, now);
        break;
      case 'request-withdrawn':
        this.#usage.forget(this.#lines.withdraw(event.request, now));
        this.#open(this.#solitary.withdraw(event.request), now);
        break;
      case 'lease-used':
        this.#noteUse(event, now);
        break;
      case 'lease-released':
        this.#end(this.#registry.slotOf(event.lease), { abort: !event.letFinish }, commands);
        break;
      case 'lease-ended':
        this.#free(this.#registry.slotOf(event.lease), now);
        break;
      case 'policy-set':
        this.#placement = placementOf(event.policy);
        this.#usage.follow(this.#placement, this.#registry.values(), this.#lines.requests, now);
        break;
      case 'time-passed':
        break;
      default:
        assertNever(event);
    }
    this.#expire(now, commands);
    this.#grantSolitary(now, commands);
    this.#grant(now, commands);
    this.#usage.plan(joined, now);
    for (let slot = this.#revocation.next(now); slot; slot = this.#revocation.next(now))
      this.#end(slot, { abort: false, isRevoked: true }, commands);
    return commands;
  }

  #attach(
    { worker: id, rank, tags = NO_TAGS, slots }: Extract<SchedulerEvent, { type: 'worker-attached' }>,
    now: number,
    commands: SchedulerCommand[],
  ): void {
    if (this.#registry.get(id)?.slots.length !== slots.length) this.#lose(id, now);
    const worker = this.#registry.get(id) ?? new WorkerRecord(id, rank, slots.length, tags);
    this.#registry.add(worker);
    worker.isAway = false;
    if (worker.isOpen) this.#placement.plan?.open(worker, now);
    for (const [index, news] of slots.entries()) {
      const slot = worker.slots[index];
      if (slot) this.#reconcile(slot, news, now, commands);
    }
  }

  /** What a worker says of its slot counts, unless it has not even seen the newest lease there. */
  #reconcile(
    slot: Slot,
    { epoch, held }: { epoch: number; held?: HeldLease | undefined },
    now: number,
    commands: SchedulerCommand[],
  ): void {
    this.#epoch = Math.max(this.#epoch, epoch);
    this.#placement.remove(slot);
    const isOver = slot.epoch < epoch || (slot.epoch === epoch && !held);
    if (isOver) this.#vacate(slot, now);
    if (slot.state.kind === 'free') {
      slot.epoch = epoch;
      if (held) this.#bringAlong(slot, held, now);
      else this.#offer(slot);
    } else if (slot.state.kind === 'ending') {
      commands.push({ type: 'end-lease', lease: slot.key, abort: slot.state.isAborted });
    } else if (held) this.#noteUse({ lease: slot.key, ...held }, now);
  }

  /** The holder of a session's lease has some time to claim it; that of another is known by its use. */
  #bringAlong(slot: Slot, held: HeldLease, now: number): void {
    const { bySession = false } = held;
    slot.state = { kind: 'leased', client: undefined, bySession, priority: 0, needs: NO_TAGS };
    if (bySession) this.#expiries.set(slot, now + UNUSED_LEASE_TTL_MS);
    else this.#noteUse({ lease: slot.key, ...held }, now);
  }

  #claim(
    { request, wish, lease }: Extract<SchedulerEvent, { type: 'lease-claimed' }>,
    now: number,
    commands: SchedulerCommand[],
  ): void {
    const slot = this.#registry.slotOf(lease);
    if (slot?.state.kind !== 'leased' || slot.state.client || !slot.state.bySession) return;
    const { client, priority = 0, needs = NO_TAGS } = wish;
    this.#expiries.set(slot, undefined);
    slot.state = { kind: 'leased', client, bySession: true, priority, needs };
    this.#lines.at(priority, needs).charge(client, now);
    this.#lines.at(priority, needs).allowRevoking(slot, client);
    commands.push({ type: 'grant-lease', request, lease, ttlMs: 0 });
  }

  /** Whoever waits is compared with what the lease is used for now. */
  #regrade(
    { lease, priority, expectedMs }: Extract<SchedulerEvent, { type: 'lease-regraded' }>,
    now: number,
  ): void {
    const slot = this.#registry.slotOf(lease);
    const state = slot?.state;
    if (!slot || state?.kind !== 'leased' || !state.client || !state.bySession) return;
    const { client, needs } = state;
    this.#usage.begin(slot, { client, bySession: true, priority, needs, expectedMs }, now);
    if (state.priority === priority) return;
    this.#lines.move(slot, { client, from: state.priority, to: priority, needs }, now);
    state.priority = priority;
  }

  /** Nothing more of a worker is granted that leaves, or may be lost. */
  #withhold(id: WorkerId, change: (worker: WorkerRecord) => void, now: number): void {
    const worker = this.#registry.get(id);
    if (!worker) return;
    change(worker);
    this.#close(worker, now);
  }

  #lose(id: WorkerId, now: number): void {
    const worker = this.#registry.get(id);
    if (!worker) return;
    this.#registry.remove(id);
    for (const slot of worker.slots) {
      this.#usage.disregard(slot);
      this.#vacate(slot, now);
    }
    this.#close(worker, now);
  }

  /** Nothing more of it is granted to anybody. */
  #close(worker: WorkerRecord, now: number): void {
    for (const slot of worker.slots) this.#placement.remove(slot);
    this.#placement.plan?.close(worker, now);
  }

  /** A session's lease does not expire, however little it is used. */
  #noteUse({ lease, inUse, idleMs }: { lease: LeaseKey } & HeldLease, now: number): void {
    const slot = this.#registry.slotOf(lease);
    if (slot?.state.kind !== 'leased' || slot.state.bySession) return;
    this.#expiries.set(slot, inUse ? undefined : now - idleMs + UNUSED_LEASE_TTL_MS);
  }

  #expire(now: number, commands: SchedulerCommand[]): void {
    for (let slot = this.#expiries.due(now); slot; slot = this.#expiries.due(now)) {
      this.#usage.disregard(slot);
      this.#end(slot, { abort: true, isExpired: true }, commands);
    }
  }

  #end(
    slot: Slot | undefined,
    { abort, isRevoked = false, ...why }: { abort: boolean; isRevoked?: boolean; isExpired?: true },
    commands: SchedulerCommand[],
  ): void {
    if (!slot || slot.state.kind === 'free') return;
    const { state } = slot;
    if (state.kind === 'leased') {
      this.#expiries.set(slot, undefined);
      const { client, priority, needs } = state;
      if (client) this.#lines.at(priority, needs).forbidRevoking(slot, client);
      slot.state = { kind: 'ending', client, priority, needs, isAborted: abort, isRevoked };
    } else if (abort && !state.isAborted) state.isAborted = true;
    else return;
    commands.push({ type: 'end-lease', lease: slot.key, abort, ...why });
  }

  /** A worker may also end a lease by itself, so this does not ask whether it was told to. */
  #free(slot: Slot | undefined, now: number): void {
    if (!slot || slot.state.kind === 'free') return;
    const { worker } = slot;
    this.#vacate(slot, now);
    if (worker.isReserved && worker.taken === 0 && !this.#solitary.isAwaited(worker)) this.#open(worker, now);
    else this.#offer(slot);
  }

  /** Its slots are for everybody again. */
  #open(worker: WorkerRecord | undefined, now: number): void {
    if (!worker) return;
    worker.isReserved = false;
    if (worker.isOpen) this.#placement.plan?.open(worker, now);
    for (const slot of worker.slots) if (slot.state.kind === 'free') this.#offer(slot);
  }

  #grantSolitary(now: number, commands: SchedulerCommand[]): void {
    for (const request of this.#solitary.requests()) {
      this.#open(request.unfit(), now);
      const chosen = request.worker ? undefined : this.#solitary.choose(request);
      if (chosen?.isReserved) this.#close(chosen, now);
      for (const slot of request.slot ? [] : (request.worker?.slots ?? [])) {
        const { state } = slot;
        // One that was brought along is left to its holder until that has claimed it, or it expires.
        if (state.kind === 'leased' && state.bySession && state.client)
          this.#end(slot, { abort: false }, commands);
      }
      const { slot } = request;
      if (!slot) continue;
      this.#solitary.withdraw(request.id);
      this.#placement.remove(slot);
      slot.reason = undefined;
      this.#lines.at(request.wish.priority, request.wish.needs).charge(request.wish.client, now);
      this.#lease(slot, request.id, request.wish, now, commands);
    }
  }

  #offer(slot: Slot): void {
    if (slot.worker.isOpen) this.#placement.add(slot);
  }

  #vacate(slot: Slot, now: number): void {
    const { state } = slot;
    if (state.kind === 'free') return;
    this.#expiries.set(slot, undefined);
    this.#usage.end(slot, now);
    if (state.kind === 'ending' && state.isRevoked) this.#revocation.arrived();
    this.#lines.giveBack(slot, state, now);
    slot.state = { kind: 'free' };
  }

  #grant(now: number, commands: SchedulerCommand[]): void {
    for (let placed = this.#place(now); placed; placed = this.#place(now)) {
      const { request, slot } = placed;
      this.#usage.explain(placed, now);
      this.#usage.forget(request);
      this.#lines.serve(request, now);
      this.#lease(slot, request.id, request.wish, now, commands);
    }
  }

  /** For the first line that has a client for whom there is a slot. */
  #place(now: number): Placed | undefined {
    for (const line of this.#lines.inTurn()) {
      const account = this.#placement.hasFree(line.needs) && line.first(now);
      const placed = account && this.#placement.take(account, now);
      if (placed) return placed;
    }
    return undefined;
  }

  #lease(slot: Slot, request: RequestId, wish: LeaseWish, now: number, commands: SchedulerCommand[]): void {
    slot.epoch = ++this.#epoch;
    const { client, bySession, priority = 0, needs = NO_TAGS } = wish;
    slot.state = { kind: 'leased', client, bySession, priority, needs };
    this.#usage.begin(slot, wish, now);
    if (bySession) this.#lines.at(priority, needs).allowRevoking(slot, client);
    else this.#expiries.set(slot, now + UNUSED_LEASE_TTL_MS);
    const ttlMs = bySession ? 0 : UNUSED_LEASE_TTL_MS;
    commands.push({ type: 'grant-lease', request, lease: slot.key, ttlMs });
  }
}
