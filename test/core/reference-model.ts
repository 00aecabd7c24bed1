import type { ClientId, RequestId, WorkerId } from '../../src/core/ids.js';
import { type LeaseKey, UNUSED_LEASE_TTL_MS } from '../../src/core/scheduler/lease.js';
import type { SchedulerEvent } from '../../src/core/scheduler/scheduler.js';

/** A slot as the reference knows it. */
export interface ModelSlot {
  worker: WorkerId;
  rank: number;
  index: number;
  epoch: number;
  state: 'free' | 'leased' | 'ending';
  /** Infinity while the lease is in use. */
  expiresAt: number;
  charge: Charge | undefined;
}

/** One lease of one client, from its grant until it has ended. */
interface Charge {
  client: ClientId;
  priority: number;
  from: number;
  until: number;
}

interface Waiting {
  request: RequestId;
  client: ClientId;
  priority: number;
}

/** All who wait, or have leases, at one priority. */
class Rank {
  /** What clients were credited with to make them level with the one served last. */
  credit = new Map<ClientId, number>();
  level = 0;
  periodStart = 0;
  emptySince = Number.NEGATIVE_INFINITY;
  /** Since when somebody waits and nobody was served. */
  stillSince = 0;
}

/**
 * What the scheduler is to do, said in the plainest way: small arrays, linear scans, and slot time summed up over the
 * leases whenever it is asked for. It shares no code with the scheduler.
 */
export class ReferenceModel {
  slots: ModelSlot[] = [];
  waiting: Waiting[] = [];
  /** The highest epoch that was ever granted, or that a worker says it has seen. */
  #highestEpoch = 0;
  readonly #draining = new Set<WorkerId>();
  readonly #away = new Set<WorkerId>();
  #charges: Charge[] = [];
  readonly #ranks = new Map<number, Rank>();

  /** Takes note of what happened; returns the leases that are to end for it, in any order. */
  happened(event: SchedulerEvent, now: number): LeaseKey[] {
    const ends: LeaseKey[] = [];
    const slot = 'lease' in event ? this.#slotOf(event.lease) : undefined;
    switch (event.type) {
      case 'worker-attached':
        this.#attach(event, now, ends);
        break;
      case 'worker-draining':
        if (this.slots.some((other) => other.worker === event.worker)) this.#draining.add(event.worker);
        break;
      case 'worker-away':
        this.#away.add(event.worker);
        break;
      case 'worker-lost':
        this.#detach(event.worker, now);
        this.#draining.delete(event.worker);
        this.#away.delete(event.worker);
        break;
      case 'policy-set':
        break;
      case 'lease-claimed':
      case 'lease-regraded':
        throw new Error('sessions have stories of their own');
      case 'lease-requested':
        this.#join(
          { request: event.request, client: event.wish.client, priority: event.wish.priority ?? 0 },
          now,
        );
        break;
      case 'request-withdrawn':
        this.#leave(event.request, now);
        break;
      case 'lease-used':
        if (slot?.state === 'leased') slot.expiresAt = expiryOf(event, now);
        break;
      case 'lease-released':
        if (slot?.state === 'leased') this.#end(slot, ends);
        break;
      case 'lease-ended':
        if (slot) this.#settle(slot, now);
        break;
      case 'time-passed':
        break;
    }
    for (const due of this.slots) if (due.state === 'leased' && due.expiresAt <= now) this.#end(due, ends);
    return ends;
  }

  /** Those that may be granted. */
  get freeSlots(): ModelSlot[] {
    return this.slots.filter(
      (slot) => slot.state === 'free' && !this.#draining.has(slot.worker) && !this.#away.has(slot.worker),
    );
  }

  /** The one that is first of them. */
  get firstFree(): ModelSlot | undefined {
    return this.freeSlots.sort((a, b) => a.rank - b.rank || a.index - b.index)[0];
  }

  get nextEpoch(): number {
    return this.#highestEpoch + 1;
  }

  get nextTimeAt(): number | undefined {
    const expiries = this.slots.filter((slot) => slot.state === 'leased').map((slot) => slot.expiresAt);
    const first = Math.min(...expiries);
    return Number.isFinite(first) ? first : undefined;
  }

  isBusy(worker: WorkerId): boolean {
    const slots = this.slots.filter((slot) => slot.worker === worker);
    return slots.length > 0 && slots.every((slot) => slot.state !== 'free');
  }

  /**
   * The requests that may be served next: at the priority whose turn it is the first of each client of least slot time, and
   * among these of those that hold the fewest leases.
   */
  candidates(now: number): RequestId[] {
    const seen = new Set<ClientId>();
    return this.#waitingInTurn(now).flatMap(({ client, request }) => {
      if (seen.has(client)) return [];
      seen.add(client);
      return request;
    });
  }

  /** All requests of the clients whose turn it may be. */
  sameTurn(now: number): RequestId[] {
    return this.#waitingInTurn(now).map(({ request }) => request);
  }

  #waitingInTurn(now: number): Waiting[] {
    const priority = this.#turn(now);
    const waiting = this.waiting.filter((each) => each.priority === priority);
    const clients = [...new Set(waiting.map(({ client }) => client))];
    const least = Math.min(...clients.map((client) => this.slotTimeMs(client, priority, now)));
    const poorest = clients.filter((client) => this.slotTimeMs(client, priority, now) === least);
    const fewest = Math.min(...poorest.map((client) => this.#leases(client, priority)));
    const next = poorest.filter((client) => this.#leases(client, priority) === fewest);
    return waiting.filter(({ client }) => next.includes(client));
  }

  /** Of all priorities at which somebody waits the highest, where half a minute of standing still counts for one. */
  #turn(now: number): number {
    const aged = (priority: number): number => 30_000 * priority + now - this.#rank(priority).stillSince;
    const inOrder = this.waiting.map(({ priority }) => priority).sort((a, b) => aged(b) - aged(a) || b - a);
    return inOrder[0] ?? 0;
  }

  granted(request: RequestId, slot: ModelSlot, now: number): void {
    const { client, priority } = this.waiting.find((waiting) => waiting.request === request)!;
    const rank = this.#rank(priority);
    rank.level = Math.max(rank.level, this.slotTimeMs(client, priority, now));
    rank.stillSince = now;
    this.#leave(request, now);
    slot.epoch = this.nextEpoch;
    this.#highestEpoch = slot.epoch;
    slot.state = 'leased';
    slot.expiresAt = now + UNUSED_LEASE_TTL_MS;
    slot.charge = { client, priority, from: now, until: Number.POSITIVE_INFINITY };
    this.#charges.push(slot.charge);
  }

  /** Within the contention period. */
  slotTimeMs(client: ClientId, priority: number, now: number): number {
    const { credit, periodStart } = this.#rank(priority);
    let total = credit.get(client) ?? 0;
    for (const charge of this.#charges)
      if (charge.client === client && charge.priority === priority)
        total += Math.max(0, Math.min(charge.until, now) - Math.max(charge.from, periodStart));
    return total;
  }

  #leases(client: ClientId, priority: number): number {
    return this.#charges.filter(
      (charge) => charge.client === client && charge.priority === priority && charge.until === Infinity,
    ).length;
  }

  #rank(priority: number): Rank {
    const rank = this.#ranks.get(priority) ?? new Rank();
    this.#ranks.set(priority, rank);
    return rank;
  }

  #slotOf(key: LeaseKey): ModelSlot | undefined {
    return this.slots.find(
      (slot) => slot.worker === key.worker && slot.index === key.slot && slot.epoch === key.epoch,
    );
  }

  /** What the worker says counts, unless it has not seen the newest lease of a slot. */
  #attach(event: Extract<SchedulerEvent, { type: 'worker-attached' }>, now: number, ends: LeaseKey[]): void {
    this.#away.delete(event.worker);
    const before = this.slots.filter((slot) => slot.worker === event.worker);
    if (before.length !== event.slots.length) {
      this.#detach(event.worker, now);
      this.#draining.delete(event.worker);
    }
    for (const [index, { epoch, held }] of event.slots.entries()) {
      this.#highestEpoch = Math.max(this.#highestEpoch, epoch);
      let slot = this.slots.find((other) => other.worker === event.worker && other.index === index);
      if (!slot) {
        slot = {
          worker: event.worker,
          rank: event.rank,
          index,
          epoch: 0,
          state: 'free',
          expiresAt: Infinity,
          charge: undefined,
        };
        this.slots.push(slot);
      }
      if (epoch > slot.epoch || (epoch === slot.epoch && !held)) this.#settle(slot, now);
      if (slot.state === 'free') {
        slot.epoch = epoch;
        slot.state = held ? 'leased' : 'free';
        slot.expiresAt = held ? expiryOf(held, now) : Infinity;
      } else if (slot.state === 'ending') ends.push({ worker: slot.worker, slot: index, epoch: slot.epoch });
      else if (held) slot.expiresAt = expiryOf(held, now);
    }
  }

  #detach(worker: WorkerId, now: number): void {
    for (const slot of this.slots) if (slot.worker === worker) this.#settle(slot, now);
    this.slots = this.slots.filter((slot) => slot.worker !== worker);
  }

  #settle(slot: ModelSlot, now: number): void {
    if (slot.charge) slot.charge.until = now;
    slot.charge = undefined;
    slot.state = 'free';
  }

  #end(slot: ModelSlot, ends: LeaseKey[]): void {
    slot.state = 'ending';
    ends.push({ worker: slot.worker, slot: slot.index, epoch: slot.epoch });
  }

  #join(joining: Waiting, now: number): void {
    const { client, priority } = joining;
    const rank = this.#rank(priority);
    const alike = this.waiting.filter((other) => other.priority === priority);
    if (alike.length === 0) rank.stillSince = now;
    if (alike.length === 0 && now - rank.emptySince >= 1_000) {
      rank.periodStart = now;
      rank.level = 0;
      rank.credit = new Map();
    }
    const isNew = alike.every((other) => other.client !== client);
    this.waiting.push(joining);
    const behind = rank.level - this.slotTimeMs(client, priority, now);
    if (isNew && behind > 0) rank.credit.set(client, (rank.credit.get(client) ?? 0) + behind);
  }

  #leave(request: RequestId, now: number): void {
    const leaving = this.waiting.find((waiting) => waiting.request === request);
    if (!leaving) return;
    this.waiting = this.waiting.filter((waiting) => waiting !== leaving);
    const isEmpty = this.waiting.every(({ priority }) => priority !== leaving.priority);
    if (isEmpty) this.#rank(leaving.priority).emptySince = now;
  }
}

function expiryOf(use: { inUse: boolean; idleMs: number }, now: number): number {
  return use.inUse ? Number.POSITIVE_INFINITY : now - use.idleMs + UNUSED_LEASE_TTL_MS;
}
