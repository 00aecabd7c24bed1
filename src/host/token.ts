import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf, PoolError } from '../core/errors.js';
import { makeFolder } from './folder.js';

/** A new secret: 256 random bits as text. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Where this user's token is kept: `offhand/token` under `$XDG_CONFIG_HOME`, else under `~/.config`. */
export function tokenFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(configFolder(env), 'token');
}

/** Where the key is kept that leases are signed with; the same for all pools of this user, and after a restart. */
export function signingKeyFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(configFolder(env), 'signing-key');
}

function configFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'offhand');
}

/** The token that a client uses: `OFFHAND_TOKEN`, else this user's file, else none. */
export function findToken(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env['OFFHAND_TOKEN'] || readSecret(tokenFile(env));
}

/** @throws PoolError `invalid-argument` for what cannot be a token; it is not repeated in the message. */
export function checkToken(token: string | undefined): string | undefined {
  if (token === undefined || (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token))) return token;
  throw new PoolError(
    'invalid-argument',
    'token: expected printable characters without spaces, as `offhand token` prints them',
  );
}

/** This user's token, made now (mode 0600) where there is none yet. */
export function ensureToken(env: NodeJS.ProcessEnv = process.env): string {
  const path = tokenFile(env);
  // An empty file is nobody's token.
  return findToken(env) ?? writeSecret(path, { replace: existsSync(path) && statSync(path).size === 0 });
}

/** This user's signing key, made now (mode 0600) where there is none yet. */
export function ensureSigningKey(env: NodeJS.ProcessEnv = process.env): Buffer {
  const path = signingKeyFile(env);
  const key =
    readSecret(path) ?? writeSecret(path, { replace: existsSync(path) && statSync(path).size === 0 });
  return Buffer.from(key, 'base64url');
}

/** Replaces this user's token. Pools that run keep the one they started with. */
export function replaceToken(env: NodeJS.ProcessEnv = process.env): string {
  return writeSecret(tokenFile(env), { replace: true });
}

function readSecret(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PoolError('unauthenticated', `the secret in ${path} cannot be read: ${messageOf(error)}`);
  }
}

function writeSecret(path: string, { replace }: { replace: boolean }): string {
  const token = newToken();
  const draft = `${path}.${process.pid}`;
  try {
    makeFolder(dirname(path), 0o700);
    writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: 'wx' });
    if (replace) renameSync(draft, path);
    // Linking fails where the file exists: of two servers that start at once, both end up with the first one's token.
    else linkSync(draft, path);
    return token;
  } catch (error) {
    const existing = (error as NodeJS.ErrnoException).code === 'EEXIST' ? readSecret(path) : undefined;
    if (existing) return existing;
    throw new PoolError('unavailable', `the secret cannot be written to ${path}: ${messageOf(error)}`);
  } finally {
    rmSync(draft, { force: true });
  }
}
