import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelOptions, InterceptingCall, type Interceptor } from '@grpc/grpc-js';
import { type Address, formatAddress, parseAddress } from '../wire/address.js';
import type { Credentials } from '../wire/credentials.js';
import { isSilence } from '../wire/errors.js';
import type { CoordinatorLink, Successor } from './coordinator-link.js';
import { firstAnswering } from './first-answering.js';

/** How long a coordinator that is still announced may take to be started again, in ms: its leases go on then. */
const PATIENCE_MS = 3_000;
/** Between two looks at who is there, in ms. */
const LOOK_MS = 500;
/** How long a connection may be silent before it is asked whether it lives, and how long the answer may take, in ms. */
const SILENCE_MS = 10_000;

/**
 * Looks for another coordinator of the same cluster when one is gone. One that comes back within moments is preferred, since
 * the leases that it has granted go on; those of another one begin anew.
 */
export class Failover implements Successor {
  readonly options: ChannelOptions & { interceptors: Interceptor[] };
  readonly #link: CoordinatorLink;
  readonly #find: () => Promise<Address[]>;
  readonly #credentials: Credentials;
  readonly #clientId: string;
  readonly #reconnectMs: number;
  #search: Promise<boolean> | undefined;
  #isClosed = false;

  /** @param find those that are there, the nearest first. */
  constructor(
    link: CoordinatorLink,
    find: () => Promise<Address[]>,
    credentials: Credentials,
    { clientId, reconnectMs }: { clientId: string; reconnectMs: number },
  ) {
    this.#link = link;
    this.#find = find;
    this.#credentials = credentials;
    this.#clientId = clientId;
    this.#reconnectMs = reconnectMs;
    this.options = {
      interceptors: [this.#watch],
      'grpc.keepalive_time_ms': SILENCE_MS,
      'grpc.keepalive_timeout_ms': SILENCE_MS,
    };
  }

  lost(): Promise<boolean> {
    this.#search ??= this.#lookAround().finally(() => (this.#search = undefined));
    return this.#search;
  }

  close(): void {
    this.#isClosed = true;
  }

  readonly #watch: Interceptor = (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, _listener, next) =>
        next(metadata, {
          onReceiveStatus: (ended, passOn) => {
            if (isSilence(ended)) void this.lost();
            passOn(ended);
          },
        }),
    });

  async #lookAround(): Promise<boolean> {
    const since = performance.now();
    const within = (ms: number) => performance.now() - since < ms;
    while (!this.#isClosed && within(this.#reconnectMs)) {
      const current = this.#link.address;
      if (await this.#firstOf([parseAddress(current, 'address')])) return true;
      const places = await this.#find().catch(() => []); // NATS may be away as well, and come back.
      const others = places.filter((place) => formatAddress(place) !== current);
      const mayComeBack = others.length < places.length && within(PATIENCE_MS);
      const other = mayComeBack ? undefined : await this.#firstOf(others);
      if (this.#isClosed) return false;
      if (other) {
        this.#link.moveTo(other);
        return true;
      }
      await delay(LOOK_MS, undefined, { ref: false });
    }
    return false;
  }

  #firstOf(places: readonly Address[]): Promise<Address | undefined> {
    return firstAnswering(places, this.#credentials, this.#clientId).catch(() => undefined);
  }
}
