import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { SessionRequest } from '../wire/generated/offhand/v1/SessionRequest.js';
import type { SessionResponse__Output } from '../wire/generated/offhand/v1/SessionResponse.js';
import type { SlotLease__Output } from '../wire/generated/offhand/v1/SlotLease.js';

/** How long the coordinator may take to hear that a session ends, in ms; without an answer it is hung up on. */
const FAREWELL_MS = 2_000;

export type SessionStream = ClientDuplexStream<SessionRequest, SessionResponse__Output>;

export interface SessionEvents {
  granted(lease: SlotLease__Output): void;
  /** Nothing more begins under this lease. */
  ended(epoch: number): void;
  /** For so long, leases that are not in use are to be given back at once. */
  othersWait(durationMs: number): void;
  capacity(slots: number): void;
  /** The coordinator is gone, or refused. */
  broken(error: ServiceError | undefined): void;
}

/** A client's session with the coordinator: open while there is something to ask for or to give back. */
export class Session {
  readonly #open: () => SessionStream;
  readonly #events: SessionEvents;
  #stream: SessionStream | undefined;
  /** What goes with the next message: everything that one turn led to. */
  #request: SessionRequest | undefined;
  #demand = 0;

  constructor(open: () => SessionStream, events: SessionEvents) {
    this.#open = open;
    this.#events = events;
  }

  /** How many leases there is a use for, those held included. */
  get demand(): number {
    return this.#demand;
  }

  set demand(demand: number) {
    if (demand === this.#demand) return;
    this.#demand = demand;
    this.#next().demand = demand;
  }

  giveBack(epoch: number): void {
    const request = this.#next();
    (request.returned ??= []).push(epoch);
  }

  /** Ends the session, and with it every lease; resolves when the coordinator has heard. */
  async end(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#request = undefined;
    this.#demand = 0;
    if (!stream) return;
    const ended = new Promise((resolve) => stream.once('status', resolve));
    stream.end();
    const timer = setTimeout(() => stream.cancel(), FAREWELL_MS);
    await ended;
    clearTimeout(timer);
  }

  #next(): SessionRequest {
    if (!this.#request) {
      this.#request = {};
      queueMicrotask(() => {
        const request = this.#request;
        this.#request = undefined;
        if (request) (this.#stream ??= this.#dial()).write(request);
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
      if (stream !== this.#stream) return;
      this.#stream = undefined;
      this.#request = undefined;
      this.#demand = 0;
      this.#events.broken(error);
    };
    stream.on('error', broken);
    stream.on('end', () => broken());
    return stream;
  }

  #onResponse({ granted, ended, othersWaitMs, slots }: SessionResponse__Output): void {
    if (slots > 0) this.#events.capacity(slots);
    if (othersWaitMs > 0) this.#events.othersWait(othersWaitMs);
    for (const lease of granted) this.#events.granted(lease);
    for (const epoch of ended) this.#events.ended(epoch);
  }
}
