import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { PoolError } from '../core/errors.js';

/** How long a code may be exchanged, and how long a session lasts, in ms. */
const CODE_MS = 60 * 60_000;
const SESSION_MS = 12 * 60 * 60_000;

/** The oldest go first. */
const MOST = 1_000;

/** Secrets that hold for a while, known by their hash. */
class Secrets {
  readonly #until = new Map<string, number>();
  readonly #lifeMs: number;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  add(bytes: number, now: number): string {
    for (const [hash, until] of this.#until) {
      if (until > now && this.#until.size < MOST) break;
      this.#until.delete(hash);
    }
    const secret = randomBytes(bytes).toString('base64url');
    this.#until.set(hashOf(secret), now + this.#lifeMs);
    return secret;
  }

  has(secret: string, now: number): boolean {
    return (this.#until.get(hashOf(secret)) ?? 0) > now;
  }

  remove(secret: string): void {
    this.#until.delete(hashOf(secret));
  }
}

/**
 * Who has come in by a link. A link carries a code in its fragment, which no server is sent and which is good once; whoever
 * exchanges it has a session's token, in place of the pool's. That is signed and not remembered: a page outlives a restart of the
 * server, and a new token of the pool ends all sessions.
 */
export class Sessions {
  readonly #codes = new Secrets(CODE_MS);
  readonly #key: Buffer;

  /** @param token of the pool; without one sessions end with the server. */
  constructor(token: string | undefined = randomBytes(32).toString('base64url')) {
    this.#key = createHmac('sha256', token).update('offhand/session').digest();
  }

  newCode(now = Date.now()): string {
    return this.#codes.add(16, now);
  }

  /** @throws PoolError `unauthenticated` */
  exchange(code: string, now = Date.now()): { token: string; expires_in: number } {
    if (!this.#codes.has(code, now))
      throw new PoolError(
        'unauthenticated',
        'this code was used before, or is too old; POST /v1/login_codes gives another one',
      );
    this.#codes.remove(code);
    const until = (now + SESSION_MS).toString(36);
    const session = `${until}-${randomBytes(16).toString('base64url')}`;
    return { token: `${session}.${this.#signatureOf(session)}`, expires_in: SESSION_MS / 1_000 };
  }

  has(token: string, now = Date.now()): boolean {
    const [session = '', signature = ''] = token.split('.', 2);
    const expected = Buffer.from(this.#signatureOf(session));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    return parseInt(session, 36) > now;
  }

  #signatureOf(session: string): string {
    return createHmac('sha256', this.#key).update(session).digest('base64url');
  }
}

/** Looking up a hash takes no time that tells anything of the secret. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
