import { randomUUID } from 'node:crypto';
import { findPool } from '../../client/find-pool.js';
import { CoordinatorLink } from '../../client/coordinator-link.js';
import { tlsFromFiles } from '../../client/tls.js';
import { checkToken, findToken } from '../../host/token.js';
import type { TlsPart } from '../../wire/certificates.js';
import type { Tls } from '../../wire/credentials.js';

/** The flags by which every command that talks to a pool says which one. */
export const poolOptions = {
  address: {
    type: 'string',
    describe: 'host:port of the pool, or nats://… of its cluster  [default: the one on this machine]',
  },
  'tls-ca': {
    type: 'string',
    describe: 'file with the certificate that is trusted, or that of its authority (with --address)',
  },
} as const;

/** The same as typed. */
export interface PoolArguments {
  address: string | undefined;
  tlsCa: string | undefined;
}

/** Connects to the coordinator for as long as the action takes. */
export async function withCoordinator<T>(
  { address, tlsCa }: PoolArguments,
  action: (coordinator: CoordinatorLink) => Promise<T>,
): Promise<T> {
  const token = checkToken(findToken());
  const { at, tls } = await findPool(address, token, () => tlsFromFlag(tlsCa));
  const coordinator = new CoordinatorLink(at, { token, tls }, randomUUID());
  try {
    await coordinator.handshake();
    return await action(coordinator);
  } finally {
    coordinator.close();
  }
}

/** What `--tls-ca` names, and OFFHAND_TLS_CERT and OFFHAND_TLS_KEY besides. @throws PoolError `invalid-argument` */
export function tlsFromFlag(ca: string | undefined): Tls | undefined {
  const { OFFHAND_TLS_CERT: cert, OFFHAND_TLS_KEY: key } = process.env;
  const nameOf = (part: TlsPart) => (part === 'ca' ? '--tls-ca' : `OFFHAND_TLS_${part.toUpperCase()}`);
  return tlsFromFiles({ ca, cert, key }, nameOf);
}
