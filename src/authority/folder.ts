import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, PoolError } from '../core/errors.js';
import { makeFolder } from '../host/folder.js';
import { readPemFile } from '../host/pem-file.js';
import { replaceFile } from '../host/replace-file.js';
import { checkTls } from '../wire/certificates.js';
import type { Pair } from './issue.js';

/** A certificate may be seen by everybody, its key by its owner alone. */
const MODES = { cert: 0o644, key: 0o600 };

/** The names of the files of an authority in its folder. */
export function authorityFiles(out: string): Pair {
  return { cert: join(out, 'ca.pem'), key: join(out, 'ca-key.pem') };
}

/**
 * The authority that a folder has; undefined where it has none.
 *
 * @throws PoolError `invalid-argument` when it cannot be used, with what is wrong and what to do.
 */
export function readAuthority(out: string): Pair | undefined {
  const files = authorityFiles(out);
  const isThere = { cert: existsSync(files.cert), key: existsSync(files.key) };
  if (!isThere.cert && !isThere.key) return undefined;
  if (!isThere.cert || !isThere.key) {
    const missing = isThere.cert ? files.key : files.cert;
    throw refusal(
      `${missing} is missing beside the other half of its authority; put it back, or give another --out`,
    );
  }
  const pair = { cert: readPemFile(files.cert, files.cert), key: readPemFile(files.key, files.key) };
  checkTls(pair, (part) => (part === 'key' ? files.key : files.cert));
  if (!new X509Certificate(pair.cert).ca)
    throw refusal(`${files.cert} is no authority, and may sign nothing; give another --out`);
  const { asymmetricKeyDetails } = createPrivateKey(pair.key);
  if (asymmetricKeyDetails?.namedCurve === 'prime256v1') return pair;
  throw refusal(
    `${files.key}: expected a key on the curve P-256, as offhand cert makes them; sign with openssl, or give another --out`,
  );
}

/** @throws PoolError `permission-denied` when it cannot be written; nothing is replaced. */
export function writeAuthority(out: string, { cert, key }: Pair): void {
  const files = authorityFiles(out);
  written(out, () => {
    // Keys that lie beside a program's sources are no part of them. A folder that was there before may be such a program's.
    const isOwn = !existsSync(out);
    makeFolder(out, 0o700);
    if (isOwn) writeFileSync(join(out, '.gitignore'), '*\n');
    writeFileSync(files.key, key, { mode: MODES.key, flag: 'wx' });
    writeFileSync(files.cert, cert, { mode: MODES.cert, flag: 'wx' });
  });
}

/** The names of the files in a folder that one machine or client is given as it is. */
export function setFiles(folder: string): Pair & { ca: string } {
  return { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
}

/** Writes such a folder: whole or not at all where there is none, file by file in the place of one that is there. */
export function writeSet(folder: string, { cert, key, ca }: Pair & { ca: string }): void {
  written(folder, () => {
    if (existsSync(folder)) {
      const files = setFiles(folder);
      replaceFile(files.ca, ca, MODES.cert);
      replaceFile(files.key, key, MODES.key);
      replaceFile(files.cert, cert, MODES.cert);
      return;
    }
    const draft = mkdtempSync(`${folder}.`); // For its owner alone.
    try {
      const files = setFiles(draft);
      writeFileSync(files.ca, ca, { mode: MODES.cert });
      writeFileSync(files.key, key, { mode: MODES.key });
      writeFileSync(files.cert, cert, { mode: MODES.cert });
      renameSync(draft, folder);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      throw error;
    }
  });
}

function written(folder: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new PoolError('permission-denied', `--out: ${folder} cannot be written (${messageOf(error)})`);
  }
}

function refusal(message: string): PoolError {
  return new PoolError('invalid-argument', message);
}
