import { PoolError } from '../core/errors.js';
import type { ClusterAddress, ClusterFiles, ClusterLogin } from '../wire/cluster-address.js';

export type { ClusterAddress, ClusterFiles } from '../wire/cluster-address.js';

const DEFAULT_PORT = 4222;
const FORM = 'nats://HOST:PORT,HOST:PORT or tls://…, with user:password@ or token@ where needed';

export function isClusterAddress(text: string): boolean {
  return /^(nats|tls):\/\//.test(text);
}

/** @param what names the address in what is thrown. @throws PoolError `invalid-argument`, without what is secret in it */
export function parseClusterAddress(text: string, what: string, files: ClusterFiles = {}): ClusterAddress {
  const parts = /^(nats|tls):\/\/(?:([^@/]*)@)?([^@/]+)\/?$/.exec(text);
  if (!parts) throw refusal(what, text);
  const [, scheme, login, hosts = ''] = parts;
  if ((files.cert === undefined) !== (files.key === undefined))
    throw new PoolError('invalid-argument', `${what}: a certificate and its key belong together`);
  return {
    servers: hosts.split(',').map((host) => serverFrom(host, what, text)),
    isEncrypted: scheme === 'tls' || files.ca !== undefined || files.cert !== undefined,
    login: login === undefined ? undefined : loginFrom(login),
    files,
  };
}

/** For people and logs: without what is secret. */
export function clusterInWords({ servers }: ClusterAddress): string {
  return `nats://${servers.join(',')}`;
}

function serverFrom(text: string, what: string, whole: string): string {
  const [, host, port = String(DEFAULT_PORT)] =
    /^([\w.-]+|\[[\da-fA-F:]+\])(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw refusal(what, whole);
  return `${host}:${port}`;
}

function loginFrom(text: string): ClusterLogin {
  const colon = text.indexOf(':');
  if (colon < 0) return { token: decodeURIComponent(text) };
  return {
    user: decodeURIComponent(text.slice(0, colon)),
    password: decodeURIComponent(text.slice(colon + 1)),
  };
}

function refusal(what: string, text: string): PoolError {
  const shown = text.replace(/\/\/[^@]*@/, '//…@');
  return new PoolError('invalid-argument', `${what}: expected ${FORM}, got ${shown}`);
}
