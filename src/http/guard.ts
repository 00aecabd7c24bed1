import { timingSafeEqual } from 'node:crypto';
import { PoolError } from '../core/errors.js';
import { isLoopback } from '../wire/address.js';
import { HttpError } from './problems.js';
import type { HttpOptions } from './options.js';

/** What a route needs to be called. Those that say nothing need the token. */
export type Access = 'open' | 'token';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The names by which the service may be called. A page of another site can have its own name lead to this machine; its
 * requests then carry that name.
 */
export class HostCheck {
  readonly #names: Set<string>;

  constructor({ host, advertise, allowedHosts }: Pick<HttpOptions, 'host' | 'advertise' | 'allowedHosts'>) {
    const named = [host, advertise].map((name) => (name.includes(':') ? `[${name}]` : name));
    // Whoever listens beyond this machine is reached from this one, too.
    const isLocal = isLoopback(host) || host === '0.0.0.0' || host === '::';
    this.#names = new Set(
      [...named, ...allowedHosts, ...(isLocal ? LOOPBACK_NAMES : [])].map((name) => name.toLowerCase()),
    );
  }

  /** @throws HttpError 421 */
  check(header: string | undefined): void {
    const name = header?.toLowerCase().replace(/:\d*$/, '');
    if (name !== undefined && this.#names.has(name)) return;
    throw new HttpError(
      421,
      'permission-denied',
      `this pool is not called ${JSON.stringify((header ?? '').slice(0, 80))}; start it with --http-allow-host for a name of yours`,
    );
  }
}

/** Whether a request carries the token. Takes the same time for whatever has the token's length, which is no secret. */
export class TokenCheck {
  readonly #expected: Buffer | undefined;

  /** @param token undefined where everybody may come in. */
  constructor(token: string | undefined) {
    this.#expected = token === undefined ? undefined : Buffer.from(token);
  }

  /** @throws PoolError `unauthenticated` */
  check(header: string | undefined): void {
    const expected = this.#expected;
    if (!expected) return;
    const given = Buffer.from(/^bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? '');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
    throw new PoolError(
      'unauthenticated',
      'this request needs the pool\'s token, which `offhand token` prints, as "Authorization: Bearer <token>"',
    );
  }
}
