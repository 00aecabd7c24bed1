import type { IncomingHttpHeaders } from 'node:http';
import { PoolError } from '../core/errors.js';
import { type Access, bearerOf, TokenCheck } from '../wire/access.js';
import { isLoopback } from '../wire/address.js';
import { HttpError } from './problems.js';
import type { HttpOptions } from './options.js';
import type { Sessions } from './sessions.js';

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

/** Methods by which a page of another site can do no harm: it cannot read what they answer. */
const PLAIN = ['GET', 'HEAD'];

/**
 * Keeps pages of other sites from asking anything of the pool through somebody's browser. Programs that are no browsers send
 * neither of these headers, and are not kept out by this: they have to have the token.
 */
export class OriginCheck {
  readonly #allowed: ReadonlySet<string>;

  constructor({ allowedOrigins }: Pick<HttpOptions, 'allowedOrigins'>) {
    this.#allowed = new Set(allowedOrigins);
  }

  /** @throws HttpError 403 */
  check(method: string, scheme: string, headers: IncomingHttpHeaders): void {
    const { origin } = headers;
    if (origin !== undefined) {
      if (this.#allowed.has(origin)) return;
      if (origin.toLowerCase() !== `${scheme}://${headers.host}`.toLowerCase()) throw foreign(origin);
    }
    const site = headers['sec-fetch-site'];
    if (PLAIN.includes(method) || site === undefined || site === 'same-origin' || site === 'none') return;
    throw foreign(`a ${JSON.stringify(site)} page`);
  }
}

function foreign(whose: string): HttpError {
  return new HttpError(
    403,
    'permission-denied',
    `requests of ${whose.slice(0, 80)} are not taken; --http-allow-origin says whose are`,
  );
}

/** Sent with every answer: what it is is what it says, and nothing of it is run, framed or handed on. */
export const SAFETY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Lets those in who carry the token, that of a session, or for what only reads the read-only one. */
export class Entry {
  readonly #tokens: TokenCheck | undefined;
  readonly #sessions: Sessions;

  /** @param token undefined where everybody may come in. */
  constructor(token: string | undefined, sessions: Sessions) {
    this.#sessions = sessions;
    this.#tokens = token === undefined ? undefined : new TokenCheck(token);
  }

  /** What somebody may do who sends this. @returns undefined where that is nothing. */
  accessOf(authorization: string | undefined): 'read' | 'full' | undefined {
    if (!this.#tokens) return 'full';
    const token = bearerOf(authorization);
    return this.#tokens.accessOf(token) ?? (this.#sessions.has(token) ? 'full' : undefined);
  }

  /** @throws PoolError `unauthenticated`; `permission-denied` where the read-only token is not enough. */
  check(authorization: string | undefined, needed: Access): void {
    if (needed === 'open') return;
    const access = this.accessOf(authorization);
    if (access === 'full' || access === needed) return;
    if (access === 'read')
      throw new PoolError(
        'permission-denied',
        'the read-only token came with this request, which needs the one that `offhand token` prints',
      );
    throw new PoolError(
      'unauthenticated',
      'this request needs the pool\'s token, which `offhand token` prints, as "Authorization: Bearer <token>"',
    );
  }
}
