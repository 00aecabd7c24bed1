import { readPemFile } from '../host/pem-file.js';
import { checkTls, TLS_PARTS, type TlsPart } from '../wire/certificates.js';
import type { Tls } from '../wire/credentials.js';
import { checkKeys, refuse } from './options.js';

/** Certificates and a key as PEM, as `tls.connect` of Node takes them: what is in the files, not their names. */
export interface TlsOptions {
  /** Whose certificates are trusted: those that this authority signed, or just this one. @default those that Node trusts */
  ca?: string | Buffer | undefined;
  /** A certificate of the client's own, for a pool that was started with `--tls-client-ca`, or a proxy that asks for one. */
  cert?: string | Buffer | undefined;
  /** The private key of `cert`. */
  key?: string | Buffer | undefined;
}

/** Names of files, by what is in them. */
export type TlsFiles = Partial<Record<TlsPart, string | undefined>>;

/** @throws PoolError `invalid-argument`, naming the option. */
export function checkTlsOptions(options: TlsOptions): Tls {
  checkKeys('tls', options, TLS_PARTS);
  const tls: Tls = {};
  for (const part of TLS_PARTS) {
    const value: unknown = options[part];
    if (value === undefined) continue;
    if (typeof value !== 'string' && !Buffer.isBuffer(value))
      refuse(`tls.${part}`, 'PEM, as a string or Buffer', value);
    tls[part] = value.toString();
  }
  return checkTls(tls, (part) => `tls.${part}`);
}

/**
 * What the files hold that were named; undefined when none was.
 *
 * @param nameOf the option by which a file is named, as messages tell it.
 * @throws PoolError `invalid-argument`, naming the option and the file.
 */
export function tlsFromFiles(files: TlsFiles, nameOf: (part: TlsPart) => string): Tls | undefined {
  const nameWithFile = (part: TlsPart) => [nameOf(part), files[part]].filter(Boolean).join(' ');
  const tls: Tls = {};
  for (const part of TLS_PARTS) {
    const file = files[part];
    if (file) tls[part] = readPemFile(file, nameWithFile(part));
  }
  return Object.keys(tls).length === 0 ? undefined : checkTls(tls, nameWithFile);
}

/** The same of `OFFHAND_TLS_CA`, `OFFHAND_TLS_CERT` and `OFFHAND_TLS_KEY`. @throws PoolError `invalid-argument` */
export function tlsFromEnvironment(env: NodeJS.ProcessEnv = process.env): Tls | undefined {
  const nameOf = (part: TlsPart) => `OFFHAND_TLS_${part.toUpperCase()}`;
  const files: TlsFiles = {};
  for (const part of TLS_PARTS) files[part] = env[nameOf(part)];
  return tlsFromFiles(files, nameOf);
}
