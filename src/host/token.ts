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
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'offhand', 'token');
}

/** The token that a client uses: `OFFHAND_TOKEN`, else this user's file, else none. */
export function findToken(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env['OFFHAND_TOKEN'] || readToken(tokenFile(env));
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
  return findToken(env) ?? writeToken(path, { replace: existsSync(path) && statSync(path).size === 0 });
}

/** Replaces this user's token. Pools that run keep the one they started with. */
export function replaceToken(env: NodeJS.ProcessEnv = process.env): string {
  return writeToken(tokenFile(env), { replace: true });
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PoolError('unauthenticated', `the token in ${path} cannot be read: ${messageOf(error)}`);
  }
}

function writeToken(path: string, { replace }: { replace: boolean }): string {
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
    const existing = (error as NodeJS.ErrnoException).code === 'EEXIST' ? readToken(path) : undefined;
    if (existing) return existing;
    throw new PoolError('unavailable', `the token cannot be written to ${path}: ${messageOf(error)}`);
  } finally {
    rmSync(draft, { force: true });
  }
}
