import type { ServerDuplexStream } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import type { ClientId, WorkerId } from '../core/ids.js';
import type { LeaseKey } from '../core/scheduler/lease.js';
import { reasonInWords } from '../core/scheduler/reason.js';
import { checkExpected, checkPriority } from '../core/wishes.js';
import { fits, NO_TAGS, tagSet } from '../core/tags.js';
import { toStatus } from '../wire/errors.js';
import type { ClaimedLease__Output } from '../wire/generated/offhand/v1/ClaimedLease.js';
import type { LeaseGrade__Output } from '../wire/generated/offhand/v1/LeaseGrade.js';
import type { SessionRequest__Output } from '../wire/generated/offhand/v1/SessionRequest.js';
import type { SessionResponse } from '../wire/generated/offhand/v1/SessionResponse.js';
import { hear } from '../wire/server-stream.js';
import { noneFits } from './admission.js';
import type { Coordinator } from './coordinator.js';
import type { GrantedLease, Holder } from './holder.js';
import { type Wait, WantedAlone } from './wanted-alone.js';
import { WantedLeases } from './wanted-leases.js';

export type SessionStream = ServerDuplexStream<SessionRequest__Output, SessionResponse>;

/** For how long a client that is told that others wait acts upon it, in ms; told again after half of it. */
const OTHERS_WAIT_MS = 500;

/** No client has a use for more leases than this. */
const MAX_DEMAND = 100_000;

/** A lease that the client has, and the priority of what it is used for. */
interface Held {
  readonly lease: LeaseKey;
  priority: number;
}

/** The sessions of all clients. */
export class Sessions {
  readonly #coordinator: Coordinator;
  readonly #sessions = new Set<Session>();

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
    coordinator.countUnasked = (except) => {
      let count = 0;
      for (const { client, unasked } of this.#sessions) if (client !== except) count += unasked;
      return count;
    };
    coordinator.listen({
      capacity: () => {
        for (const session of this.#sessions) session.onCapacity();
      },
      gone: (link) => {
        for (const session of this.#sessions) session.onGone(link.id);
      },
      contention: (now) => {
        for (const session of this.#sessions) session.askBack(now);
      },
    });
  }

  open(client: ClientId, stream: SessionStream): void {
    const session = new Session(client, this.#coordinator, stream);
    this.#sessions.add(session);
    hear(
      stream,
      (request: SessionRequest__Output) => session.onRequest(request),
      () => {
        this.#sessions.delete(session);
        session.close();
      },
    );
  }
}

/** One client's session: asks for as many leases as the client has a use for, and gives them all back when it ends. */
class Session {
  readonly client: ClientId;
  readonly #coordinator: Coordinator;
  readonly #stream: SessionStream;
  readonly #held = new Map<number, Held>();
  /**
   * Leases beside the demand: those that are no longer held, under which something may still run, and those on a worker of
   * their own.
   */
  readonly #beside = new Map<number, LeaseKey>();
  readonly #waits = new Set<Wait>();
  readonly #alone = new WantedAlone();
  readonly #holder: Omit<Holder, 'granted'> = {
    refused: (reason) => this.#fail(reason),
    ending: (lease) => this.#onEnding(lease),
    over: (lease) => {
      this.#onEnding(lease);
      this.#beside.delete(lease.epoch);
    },
    lost: (lease) => {
      (this.#next().lost ??= []).push(lease.epoch);
      this.#drop(lease);
      this.#beside.delete(lease.epoch);
      this.#matchDemandSoon();
    },
  };
  #demand = 0;
  readonly #wanted = new WantedLeases();
  /** How long its next task is expected to take, in ms. */
  #expectedMs: number | undefined;
  /** What its workers have to have, and whether it waits where none has it. */
  #needs = NO_TAGS;
  #waitsForFit = false;
  /** The one worker that its leases are to be on, if it has named one. */
  #worker: WorkerId | undefined;
  #askedBackAt = Number.NEGATIVE_INFINITY;
  /** What goes with the next message: everything that one event led to. */
  #response: SessionResponse | undefined;
  #isClosed = false;

  constructor(client: ClientId, coordinator: Coordinator, stream: SessionStream) {
    this.client = client;
    this.#coordinator = coordinator;
    this.#stream = stream;
    this.onCapacity();
  }

  onRequest(request: SessionRequest__Output): void {
    const { demand, wanted, expectedMs, graded, returned, abandoned, claimed, alone, noLongerAlone } =
      request;
    if (request.requires.length > 0) this.#require(request);
    if (request.worker) this.#pin(request.worker);
    for (const claim of claimed) this.#claim(claim);
    for (const grade of graded) this.#regrade(grade);
    for (const epoch of returned) this.#giveBack(epoch, { letFinish: true });
    for (const epoch of abandoned) this.#giveBack(epoch, { letFinish: false });
    this.#alone.add(alone);
    for (const wait of this.#alone.drop(noLongerAlone)) this.#withdraw(wait);
    if (demand !== undefined) {
      if (demand > MAX_DEMAND)
        throw new PoolError('invalid-argument', `demand: expected at most ${MAX_DEMAND}, got ${demand}`);
      this.#demand = demand;
      this.#wanted.set(wanted);
      checkExpected(expectedMs, 'expected_ms');
      this.#expectedMs = expectedMs;
    }
    this.#matchDemand();
  }

  /** Asks for what this client does not use, if others wait. */
  askBack(now: number): void {
    if (this.#held.size === 0 || now - this.#askedBackAt < OTHERS_WAIT_MS / 2) return;
    if (!this.#coordinator.othersWait(this.client)) return;
    this.#askedBackAt = now;
    this.#next().othersWaitMs = OTHERS_WAIT_MS;
  }

  /** How many more leases the client has a use for than it waits for. */
  get unasked(): number {
    return Math.max(0, this.#demand - this.#held.size - this.#waits.size);
  }

  onCapacity(): void {
    this.#next().slots = this.#slots;
    this.#matchDemandSoon();
  }

  /** A worker is gone for good: nobody waits for it. */
  onGone(worker: WorkerId): void {
    if (worker === this.#worker && this.#waits.size > 0) this.#fail(leftBefore());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const wait of [...this.#waits, ...this.#alone.waits]) this.#withdraw(wait);
    for (const lease of [...[...this.#held.values()].map((held) => held.lease), ...this.#beside.values()]) {
      this.#coordinator.release(lease, { letFinish: false });
    }
  }

  #giveBack(epoch: number, how: { letFinish: boolean }): void {
    const lease = this.#held.get(epoch)?.lease ?? this.#beside.get(epoch);
    if (!lease) return; // It is over already.
    this.#held.delete(epoch);
    this.#beside.set(epoch, lease);
    this.#coordinator.release(lease, how);
  }

  #require({ requires, waitForFit }: SessionRequest__Output): void {
    this.#needs = tagSet(requires, 'requires');
    this.#waitsForFit = waitForFit;
    if (waitForFit && !this.#coordinator.hasFit(this.#needs)) this.#next().noneFits = true;
    this.onCapacity();
  }

  #pin(name: string): void {
    const link = this.#coordinator.members.called(name);
    if (!link) throw new PoolError('not-found', `worker: no worker of this pool is called ${name}`);
    if (!fits(link.tags, this.#needs)) throw noneFits(this.#needs);
    this.#worker = link.id;
  }

  #regrade({ epoch, priority, expectedMs }: LeaseGrade__Output): void {
    checkPriority(priority, 'graded.priority');
    checkExpected(expectedMs, 'graded.expected_ms');
    const held = this.#held.get(epoch);
    if (!held) return; // It is over already.
    held.priority = priority;
    this.#coordinator.regrade(held.lease, priority, expectedMs);
  }

  #claim({ leaseId, epoch, returned, priority }: ClaimedLease__Output): void {
    checkPriority(priority, 'claimed.priority');
    const lease = this.#coordinator.read(leaseId);
    if (!lease) {
      (this.#next().ended ??= []).push(epoch);
      return;
    }
    // Until the answer is there it counts as held.
    this.#held.set(epoch, { lease, priority });
    const wish = { client: this.client, bySession: true, priority, needs: this.#needs };
    const granted = () => {
      if (returned) queueMicrotask(() => this.#giveBack(epoch, { letFinish: true }));
    };
    this.#coordinator.claim(lease, wish, { ...this.#holder, granted });
  }

  /** Slots that could be of use to it. */
  get #slots(): number {
    return this.#coordinator.slotsFor(this.#needs);
  }

  /** As many waits as leases are missing, but never more than there are slots: whoever floods the pool waits at home. */
  #matchDemand(): void {
    const most = Math.max(1, this.#slots);
    const missing = this.#wanted.first(Math.min(this.#demand, most) - this.#held.size);
    for (const wait of this.#waits) {
      const count = missing.get(wait.priority) ?? 0;
      if (count > 0) missing.set(wait.priority, count - 1);
      else this.#withdraw(wait);
    }
    for (const [priority, count] of missing)
      for (let i = 0; i < count && !this.#isClosed; i++) this.#request(priority);
    // No more of these either: each is looked at whenever something happens.
    while (!this.#isClosed && this.#alone.takeNext(most)) this.#requestAlone();
  }

  #request(priority: number): void {
    this.#ask(this.#waits, { priority }, (lease) => {
      this.#held.set(lease.key.epoch, { lease: lease.key, priority });
      this.#wanted.granted(priority);
      this.#tellGranted(lease, { alone: false, priority });
    });
  }

  #requestAlone(): void {
    this.#ask(this.#alone.waits, { priority: 0, alone: true }, (lease) => {
      this.#beside.set(lease.key.epoch, lease.key);
      this.#tellGranted(lease, { alone: true, priority: 0 });
      this.#matchDemandSoon();
    });
  }

  /** The lease may be there before this returns. */
  #ask(
    waits: Set<Wait>,
    wish: { priority: number; alone?: boolean },
    onGranted: (lease: GrantedLease) => void,
  ): void {
    if (this.#worker && !this.#coordinator.members.get(this.#worker)) return this.#fail(leftBefore());
    const wait: Wait = { request: undefined, priority: wish.priority };
    waits.add(wait);
    const granted = (lease: GrantedLease) => {
      waits.delete(wait);
      onGranted(lease);
    };
    try {
      const whole = {
        ...wish,
        client: this.client,
        bySession: true,
        needs: this.#needs,
        worker: this.#worker,
        expectedMs: this.#expectedMs,
      };
      wait.request = this.#coordinator.requestLease(
        whole,
        { ...this.#holder, granted },
        { waitForFit: this.#waitsForFit },
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #withdraw(wait: Wait): void {
    this.#waits.delete(wait);
    this.#alone.waits.delete(wait);
    if (wait.request !== undefined) this.#coordinator.withdraw(wait.request);
  }

  #tellGranted(
    { key, token, worker, reason }: GrantedLease,
    how: { alone: boolean; priority: number },
  ): void {
    const { worker: name, host, port, slots, slotAddresses } = worker.info;
    (this.#next().granted ??= []).push({
      leaseId: token,
      epoch: key.epoch,
      workerId: worker.id,
      worker: name,
      host,
      port,
      slotAddress: slotAddresses[key.slot] ?? '',
      workerSlots: slots,
      reason: reason ? reasonInWords(reason, (id) => this.#coordinator.members.nameById(id)) : '',
      ...how,
    });
  }

  /** A lease that the client did not give back. */
  #drop({ epoch }: LeaseKey): void {
    const held = this.#held.get(epoch);
    if (held) this.#wanted.ended(held.priority);
    this.#held.delete(epoch);
  }

  /** Tells the client, unless it gave the lease back itself. */
  #onEnding(lease: LeaseKey): void {
    const { epoch } = lease;
    if (!this.#held.has(epoch)) return;
    this.#drop(lease);
    this.#beside.set(epoch, lease);
    (this.#next().ended ??= []).push(epoch);
    this.#matchDemandSoon();
  }

  /** The place of a lease that is over goes to another, asked for when the event that ended it is through. */
  #matchDemandSoon(): void {
    queueMicrotask(() => this.#matchDemand());
  }

  #fail(reason: unknown): void {
    this.#stream.emit('error', toStatus(reason));
  }

  #next(): SessionResponse {
    if (!this.#response) {
      this.#response = {};
      queueMicrotask(() => {
        const response = this.#response;
        this.#response = undefined;
        if (response && !this.#isClosed) this.#stream.write(response);
      });
    }
    return this.#response;
  }
}

/** What a session ends with that waits for one worker and no other. */
const leftBefore = () => new PoolError('worker-lost', 'the worker left before it had room for this call');
