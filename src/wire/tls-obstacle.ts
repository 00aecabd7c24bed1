import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import { parseAddress } from './address.js';
import { type Credentials, type Tls, tlsTo } from './credentials.js';

/** How long the other side may take to say what it speaks, in ms. */
const LIMIT_MS = 2_000;

/** What is wrong with a certificate itself, as OpenSSL has it. */
const DISTRUST = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|INVALID_)/;

const GIVE_CA = 'give its certificate, or that of its authority, by --tls-ca, OFFHAND_TLS_CA or tls.ca';

interface TlsError extends Error {
  code?: string;
  cert?: PeerCertificate;
}

/**
 * Why TLS does not come about with whoever listens at `host:port`; undefined when that is not what is in the way. To be asked
 * when nobody could be reached: gRPC itself says so in words of its own at best, and often not at all. Sends nothing but a
 * greeting.
 *
 * @param certifiedFor what the certificate there has to be for, if not for the host that is dialled.
 */
export async function tlsObstacle(
  address: string,
  credentials: Credentials,
  certifiedFor = parseAddress(address, 'address').host,
): Promise<string | undefined> {
  const tls = tlsTo(address, credentials);
  const failure = await greet(address, certifiedFor, tls);
  if (!tls) return failure ? undefined : `what listens at ${address} speaks TLS; ${GIVE_CA}`;
  const { code = '', message, cert } = failure ?? {};
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return `what listens at ${address} does not speak TLS; leave out --tls-ca, OFFHAND_TLS_CA and tls if that is meant, or give another address`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = cert?.subjectaltname ?? 'nobody by name';
    return `the certificate at ${address} is for ${names}, and not for ${certifiedFor}; dial what it is for`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `the certificate at ${address} is not valid now (${message}); its pool needs a new one`;
  return DISTRUST.test(code)
    ? `the certificate at ${address} is not trusted (${message}); ${GIVE_CA}`
    : undefined;
}

/** Undefined when TLS comes about. */
function greet(address: string, name: string, tls: Tls | undefined): Promise<TlsError | undefined> {
  const { host, port } = parseAddress(address, 'address');
  return new Promise((resolve) => {
    const options = {
      ...tls,
      allowPartialTrustChain: true,
      rejectUnauthorized: tls !== undefined,
      checkServerIdentity: (_dialled: string, certificate: PeerCertificate) =>
        checkServerIdentity(name, certificate),
    };
    const socket = connect({ host, port, ...options }, () => end());
    const end = (failure?: TlsError) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(failure);
    };
    socket.on('error', end);
    const timer = setTimeout(() => end(new Error('no answer')), LIMIT_MS);
  });
}
