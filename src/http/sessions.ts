import { createHash, randomBytes } from 'node:crypto';
import { PoolError } from '../core/errors.js';

/** How long a code may be exchanged, and how long a session lasts, in ms. */
const CODE_MS = 60 * 60_000;
const SESSION_MS = 12 * 60 * 60_000;

/** Of each. The oldest go first. */
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
 * exchanges it has a session's token, in place of the pool's.
 */
export class Sessions {
  readonly #codes = new Secrets(CODE_MS);
  readonly #tokens = new Secrets(SESSION_MS);

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
    return { token: this.#tokens.add(32, now), expires_in: SESSION_MS / 1_000 };
  }

  has(token: string, now = Date.now()): boolean {
    return this.#tokens.has(token, now);
  }
}

/** Looking up a hash takes no time that tells anything of the secret. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
