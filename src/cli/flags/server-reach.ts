import { isIP } from 'node:net';
import { tlsFromFiles } from '../../client/tls.js';
import { PoolError } from '../../core/errors.js';
import { readPemFile } from '../../host/pem-file.js';
import { isLoopback, isWildcard } from '../../wire/address.js';
import { checkCertifies, checkShowable } from '../../wire/certificates.js';
import type { Tls } from '../../wire/credentials.js';

/** The flags of `offhand server` that say who can reach the pool, and by what they know it; as typed. */
export interface ReachArguments {
  host: string;
  advertise: string | undefined;
  auth: boolean;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  tlsCa: string | undefined;
  tlsClientCa: string | undefined;
}

/** @throws PoolError `permission-denied` for a pool that just anybody could reach, `invalid-argument` naming the flag. */
export function resolveReach(args: ReachArguments): {
  host: string;
  advertise: string;
  tls: Tls | undefined;
} {
  checkReach(args);
  const advertise = advertisedHost(args);
  return { host: args.host, advertise, tls: serverTls(args, advertise) };
}

/** Whoever is to be reached from other machines has to show who it is, and to ask who they are. */
function checkReach({ host, advertise = host, auth, tlsCert, tlsKey }: ReachArguments): void {
  const hasTls = Boolean(tlsCert || tlsKey);
  if ((isLoopback(host) && isLoopback(advertise)) || (hasTls && auth)) return;
  const flag = isLoopback(host) ? `--advertise ${advertise}` : `--host ${host}`;
  const missing = hasTls
    ? 'a token, so leave out --no-auth'
    : `TLS: ${howToTls(isWildcard(advertise) ? 'HOST' : advertise)}`;
  throw new PoolError(
    'permission-denied',
    `${flag}: a pool runs whatever code reaches it, so it is for this machine only (127.0.0.1) unless it has ${missing}`,
  );
}

/** The command that makes what is missing, and what to add to this one then. */
function howToTls(host: string): string {
  const made = `certificates/server-${host}`;
  return `npx offhand cert ${host} makes certificates, then add --tls-cert ${made}/cert.pem --tls-key ${made}/key.pem (docs/tls.md)`;
}

/** What clients dial: the address that is listened on, unless that is every one, or another one is given. */
function advertisedHost({ host, advertise = host }: ReachArguments): string {
  if (isWildcard(advertise)) {
    throw new PoolError(
      'invalid-argument',
      `--host ${host} is every address of this machine, and none to dial; give --advertise HOST, a name or address by which clients reach it`,
    );
  }
  if (isIP(advertise) || /^[\w.-]+$/.test(advertise)) return advertise;
  throw new PoolError(
    'invalid-argument',
    `--advertise: expected a name or an address, without a port, got ${JSON.stringify(advertise)}`,
  );
}

/** Without `--tls-ca` the processes of the pool, and its clients on this machine, trust the certificate that it shows. */
function serverTls(args: ReachArguments, advertise: string): Tls | undefined {
  const { tlsCert, tlsKey, tlsCa, tlsClientCa } = args;
  // An authority alone is for the clients that are started from the same shell, where OFFHAND_TLS_CA names it.
  if (!tlsCert && !tlsKey) {
    if (!tlsClientCa) return undefined;
    throw new PoolError(
      'invalid-argument',
      `--tls-client-ca ${tlsClientCa} goes together with --tls-cert and --tls-key, which are not given`,
    );
  }
  const tls = tlsFromFiles({ cert: tlsCert, key: tlsKey, ca: tlsCa }, (part) => `--tls-${part}`);
  if (!tls?.cert) return undefined;
  checkCertifies(tls.cert, advertise, `--tls-cert ${tlsCert}`);
  const trusting = { ...tls, ca: tls.ca ?? tls.cert };
  if (!tlsClientCa) return trusting;
  const names = { cert: `--tls-cert ${tlsCert}`, clientCa: `--tls-client-ca ${tlsClientCa}` };
  const clientCa = readPemFile(tlsClientCa, names.clientCa);
  checkShowable(tls.cert, clientCa, names);
  return { ...trusting, clientCa };
}
