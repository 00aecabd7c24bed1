import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { isAnswer } from '../../wire/errors.js';
import type { ClaimedLease } from '../../wire/generated/offhand/v1/ClaimedLease.js';
import type { SessionRequest } from '../../wire/generated/offhand/v1/SessionRequest.js';
import type { SessionResponse__Output } from '../../wire/generated/offhand/v1/SessionResponse.js';
import type { SlotLease__Output } from '../../wire/generated/offhand/v1/SlotLease.js';
import type { Wanted } from './task-line.js';

const NONE: readonly Wanted[] = [];

/** How long to wait before a coordinator that is gone is dialled again, in ms. */
const REDIAL_MS = 200;

/** How long the coordinator may take to hear that a session ends, in ms; without an answer it is hung up on. */
const FAREWELL_MS = 2_000;

/** What the workers of all leases of a session have to have. */
export interface SessionNeeds {
  requires: string[];
  /** Whether to wait where no worker has it. */
  waitForFit: boolean;
  /** The name of the one worker that will do. */
  worker?: string;
}

/** What a lease is used for. */
export interface LeaseUse {
  priority: number;
  /** In ms, of a task that takes long; undefined where nobody knows. */
  expectedMs: number | undefined;
}

export type SessionStream = ClientDuplexStream<SessionRequest, SessionResponse__Output>;

export interface SessionEvents {
  granted(lease: SlotLease__Output): void;
  /** Nothing more begins under this lease. */
  ended(epoch: number): void;
  /** For so long, leases that are not in use are to be given back at once. */
  othersWait(durationMs: number): void;
  /** Their worker is lost: nobody knows what became of what was under way under them. */
  lost(epochs: readonly number[]): void;
  capacity(slots: number): void;
  /** No worker has what is needed; one that has is waited for. */
  noneFits(): void;
  /** The coordinator refused, or has been gone for too long. */
  broken(error: ServiceError | undefined): void;
  /** The leases that are held: they are claimed from a coordinator that comes back. */
  readonly claims: ClaimedLease[];
  /** How many leases are wanted beside those, each on a worker of its own. */
  readonly alone: number;
}

/**
 * A client's session with the coordinator: open while there is something to ask for or to give back. While the
 * coordinator is gone it is dialled again, and leases go on meanwhile.
 */
export class Session {
  readonly #open: () => SessionStream;
  readonly #events: SessionEvents;
  readonly #reconnectMs: number;
  readonly #needs: SessionNeeds | undefined;
  #stream: SessionStream | undefined;
  #redial: NodeJS.Timeout | undefined;
  /** Since when the coordinator is gone. */
  #goneSince: number | undefined;
  /** What goes with the next message: everything that one turn led to. */
  #request: SessionRequest | undefined;
  #demand = 0;
  #wanted: readonly Wanted[] = NONE;
  #alone = 0;
  /** How long the next task is expected to take, in ms; told with the demand. */
  expectedMs: number | undefined;

  /** @param reconnectMs for how long a coordinator may be gone before it is given up. */
  constructor(
    open: () => SessionStream,
    events: SessionEvents,
    reconnectMs: number,
    needs: SessionNeeds | undefined = undefined,
  ) {
    this.#needs = needs;
    this.#open = open;
    this.#events = events;
    this.#reconnectMs = reconnectMs;
  }

  /** How many leases there is a use for, those held included. */
  get demand(): number {
    return this.#demand;
  }

  set demand(demand: number) {
    if (demand === this.#demand) return;
    this.#demand = demand;
    this.#tellDemand();
  }

  /** At which priorities the leases that are missing are wanted; nothing where all are at 0. */
  set wanted(wanted: readonly Wanted[]) {
    if (wanted.length === 0 && this.#wanted.length === 0) return;
    const isAsBefore = wanted.every(
      ({ priority, count }, index) =>
        priority === this.#wanted[index]?.priority && count === this.#wanted[index].count,
    );
    if (isAsBefore && wanted.length === this.#wanted.length) return;
    this.#wanted = wanted;
    this.#tellDemand();
  }

  /** A lease is used for tasks of another priority than so far, or for one that takes long. */
  regrade(epoch: number, { priority, expectedMs }: LeaseUse): void {
    const request = this.#next();
    (request.graded ??= []).push({ epoch, priority, ...(expectedMs !== undefined && { expectedMs }) });
  }

  giveBack(epoch: number): void {
    const request = this.#next();
    (request.returned ??= []).push(epoch);
  }

  /** Gives a lease back whose worker cannot be reached from here; what still runs under it is stopped. */
  abandon(epoch: number): void {
    const request = this.#next();
    (request.abandoned ??= []).push(epoch);
  }

  /** For how many leases it waits beside the demand, each on a worker that runs nothing else meanwhile. */
  set alone(count: number) {
    const more = count - this.#alone;
    if (more === 0) return;
    this.#alone = count;
    const request = this.#next();
    if (more > 0) request.alone = (request.alone ?? 0) + more;
    else request.noLongerAlone = (request.noLongerAlone ?? 0) - more;
  }

  /** Its coordinator is another one from now on. */
  moved(): void {
    const stream = this.#stream;
    if (!stream) return;
    this.#onBroken(undefined);
    stream.cancel();
  }

  /** Ends the session, and with it every lease; resolves when the coordinator has heard. */
  async end(): Promise<void> {
    const stream = this.#stream;
    this.#reset();
    if (!stream) return;
    const ended = new Promise((resolve) => stream.once('status', resolve));
    stream.end();
    const timer = setTimeout(() => stream.cancel(), FAREWELL_MS);
    await ended;
    clearTimeout(timer);
  }

  #tellDemand(): void {
    const request = this.#next();
    request.demand = this.#demand;
    if (this.expectedMs !== undefined) request.expectedMs = this.expectedMs;
    if (this.#wanted.length > 0) request.wanted = [...this.#wanted];
    else delete request.wanted;
  }

  #next(): SessionRequest {
    if (!this.#request) {
      this.#request = {};
      queueMicrotask(() => {
        const request = this.#request;
        this.#request = undefined;
        // Of a coordinator that is gone everything is asked anew when it is back.
        if (!request || this.#redial) return;
        if (this.#stream) this.#stream.write(request);
        else (this.#stream = this.#dial()).write({ ...this.#needs, ...request });
      });
    }
    return this.#request;
  }

  #dial(): SessionStream {
    const stream = this.#open();
    stream.on('data', (response: SessionResponse__Output) => {
      if (stream === this.#stream) this.#onResponse(response);
    });
    const broken = (error?: ServiceError) => {
      if (stream === this.#stream) this.#onBroken(error);
    };
    stream.on('error', broken);
    stream.on('end', () => broken());
    return stream;
  }

  #onBroken(error: ServiceError | undefined): void {
    this.#stream = undefined;
    this.#request = undefined;
    this.#goneSince ??= performance.now();
    if ((error && isAnswer(error)) || performance.now() - this.#goneSince >= this.#reconnectMs) {
      this.#reset();
      this.#events.broken(error);
      return;
    }
    this.#redial = setTimeout(() => {
      this.#redial = undefined;
      this.#stream = this.#dial();
      const { claims, alone } = this.#events;
      this.#alone = alone;
      this.#stream.write({
        ...this.#needs,
        demand: this.#demand,
        claimed: claims,
        ...(this.#wanted.length > 0 && { wanted: [...this.#wanted] }),
        ...(alone > 0 && { alone }),
      });
    }, REDIAL_MS);
  }

  #reset(): void {
    clearTimeout(this.#redial);
    this.#redial = undefined;
    this.#goneSince = undefined;
    this.#stream = undefined;
    this.#request = undefined;
    this.#demand = 0;
    this.#wanted = NONE;
    this.#alone = 0;
  }

  #onResponse({ granted, ended, lost, othersWaitMs, slots, noneFits }: SessionResponse__Output): void {
    this.#goneSince = undefined;
    if (noneFits) this.#events.noneFits();
    if (slots !== undefined) this.#events.capacity(slots);
    if (othersWaitMs > 0) this.#events.othersWait(othersWaitMs);
    for (const lease of granted) {
      if (lease.alone && this.#alone > 0) this.#alone -= 1;
      this.#events.granted(lease);
    }
    for (const epoch of ended) this.#events.ended(epoch);
    if (lost.length > 0) this.#events.lost(lost);
  }
}
