import type { ServerDuplexStream } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import type { ClientId, RequestId } from '../core/ids.js';
import type { LeaseKey } from '../core/lease.js';
import { toStatus } from '../wire/errors.js';
import type { ClaimedLease__Output } from '../wire/generated/offhand/v1/ClaimedLease.js';
import type { SessionRequest__Output } from '../wire/generated/offhand/v1/SessionRequest.js';
import type { SessionResponse } from '../wire/generated/offhand/v1/SessionResponse.js';
import { hear } from '../wire/server-stream.js';
import type { Coordinator } from './coordinator.js';
import type { GrantedLease, Holder } from './holder.js';

export type SessionStream = ServerDuplexStream<SessionRequest__Output, SessionResponse>;

/** For how long a client that is told that others wait acts upon it, in ms; told again after half of it. */
const OTHERS_WAIT_MS = 500;

/** No client has a use for more leases than this. */
const MAX_DEMAND = 100_000;

/** One place in line. */
interface Wait {
  request: RequestId | undefined;
}

/** The sessions of all clients. */
export class Sessions {
  readonly #coordinator: Coordinator;
  readonly #sessions = new Set<Session>();

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
    coordinator.countAtHome = () => {
      let count = 0;
      for (const session of this.#sessions) count += session.atHome;
      return count;
    };
    coordinator.listen({
      capacity: () => {
        for (const session of this.#sessions) session.onCapacity();
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
  readonly #client: ClientId;
  readonly #coordinator: Coordinator;
  readonly #stream: SessionStream;
  readonly #held = new Map<number, LeaseKey>();
  /**
   * Leases beside the demand: those that are no longer held, under which something may still run, and those on a worker of
   * their own.
   */
  readonly #beside = new Map<number, LeaseKey>();
  readonly #waits = new Set<Wait>();
  readonly #waitsAlone = new Set<Wait>();
  readonly #holder: Omit<Holder, 'granted'> = {
    refused: (reason) => this.#fail(reason),
    ending: (lease) => this.#onEnding(lease),
    over: (lease) => {
      this.#onEnding(lease);
      this.#beside.delete(lease.epoch);
    },
    lost: (lease) => {
      (this.#next().lost ??= []).push(lease.epoch);
      this.#held.delete(lease.epoch);
      this.#beside.delete(lease.epoch);
      this.#matchDemandSoon();
    },
  };
  #demand = 0;
  #askedBackAt = Number.NEGATIVE_INFINITY;
  /** What goes with the next message: everything that one event led to. */
  #response: SessionResponse | undefined;
  #isClosed = false;

  constructor(client: ClientId, coordinator: Coordinator, stream: SessionStream) {
    this.#client = client;
    this.#coordinator = coordinator;
    this.#stream = stream;
    this.onCapacity();
  }

  onRequest({ demand, returned, abandoned, claimed, alone }: SessionRequest__Output): void {
    for (const claim of claimed) this.#claim(claim);
    for (const epoch of returned) this.#giveBack(epoch, { letFinish: true });
    for (const epoch of abandoned) this.#giveBack(epoch, { letFinish: false });
    if (alone > MAX_DEMAND)
      throw new PoolError('invalid-argument', `alone: expected at most ${MAX_DEMAND}, got ${alone}`);
    for (let i = 0; i < alone && !this.#isClosed; i++) this.#requestAlone();
    if (demand !== undefined) {
      if (demand > MAX_DEMAND)
        throw new PoolError('invalid-argument', `demand: expected at most ${MAX_DEMAND}, got ${demand}`);
      this.#demand = demand;
    }
    this.#matchDemand();
  }

  /** Asks for what this client does not use, if others wait. */
  askBack(now: number): void {
    if (this.#held.size === 0 || now - this.#askedBackAt < OTHERS_WAIT_MS / 2) return;
    if (!this.#coordinator.othersWait(this.#client)) return;
    this.#askedBackAt = now;
    this.#next().othersWaitMs = OTHERS_WAIT_MS;
  }

  /** How many more leases the client has a use for than it waits for. */
  get atHome(): number {
    return Math.max(0, this.#demand - this.#held.size - this.#waits.size);
  }

  onCapacity(): void {
    this.#next().slots = this.#coordinator.slots;
    this.#matchDemandSoon();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const wait of [...this.#waits, ...this.#waitsAlone]) this.#withdraw(wait);
    for (const lease of [...this.#held.values(), ...this.#beside.values()]) {
      this.#coordinator.release(lease, { letFinish: false });
    }
  }

  #giveBack(epoch: number, how: { letFinish: boolean }): void {
    const lease = this.#held.get(epoch) ?? this.#beside.get(epoch);
    if (!lease) return; // It is over already.
    this.#finish(lease);
    this.#coordinator.release(lease, how);
  }

  #claim({ leaseId, epoch, returned }: ClaimedLease__Output): void {
    const lease = this.#coordinator.read(leaseId);
    if (!lease) {
      (this.#next().ended ??= []).push(epoch);
      return;
    }
    // Until the answer is there it counts as held.
    this.#held.set(epoch, lease);
    const wish = { client: this.#client, bySession: true };
    const granted = () => {
      if (returned) queueMicrotask(() => this.#giveBack(epoch, { letFinish: true }));
    };
    this.#coordinator.claim(lease, wish, { ...this.#holder, granted });
  }

  /** As many waits as leases are missing, but never more than there are slots: whoever floods the pool waits at home. */
  #matchDemand(): void {
    const demand = Math.min(this.#demand, Math.max(1, this.#coordinator.slots));
    const missing = () => demand - this.#held.size - this.#waits.size;
    for (const wait of this.#waits) {
      if (missing() >= 0) return;
      this.#withdraw(wait);
    }
    while (missing() > 0 && !this.#isClosed) this.#request();
  }

  #request(): void {
    this.#ask(this.#waits, {}, (lease) => {
      this.#held.set(lease.key.epoch, lease.key);
      this.#tellGranted(lease, { alone: false });
    });
  }

  #requestAlone(): void {
    this.#ask(this.#waitsAlone, { alone: true }, (lease) => {
      this.#beside.set(lease.key.epoch, lease.key);
      this.#tellGranted(lease, { alone: true });
    });
  }

  /** The lease may be there before this returns. */
  #ask(waits: Set<Wait>, wish: { alone?: boolean }, onGranted: (lease: GrantedLease) => void): void {
    const wait: Wait = { request: undefined };
    waits.add(wait);
    const granted = (lease: GrantedLease) => {
      waits.delete(wait);
      onGranted(lease);
    };
    try {
      const whole = { ...wish, client: this.#client, bySession: true };
      wait.request = this.#coordinator.requestLease(whole, { ...this.#holder, granted });
    } catch (error) {
      this.#fail(error);
    }
  }

  #withdraw(wait: Wait): void {
    this.#waits.delete(wait);
    if (wait.request !== undefined) this.#coordinator.withdraw(wait.request);
  }

  #tellGranted({ key, token, worker }: GrantedLease, { alone }: { alone: boolean }): void {
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
      alone,
    });
  }

  #finish(lease: LeaseKey): void {
    this.#held.delete(lease.epoch);
    this.#beside.set(lease.epoch, lease);
  }

  /** Tells the client, unless it gave the lease back itself. */
  #onEnding(lease: LeaseKey): void {
    const { epoch } = lease;
    if (!this.#held.has(epoch)) return;
    this.#finish(lease);
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
