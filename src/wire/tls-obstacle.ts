import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import { parseAddress } from './address.js';
import { type Credentials, type Tls, tlsTo } from './credentials.js';

/** How long the other side may take to say what it speaks, in ms. */
const LIMIT_MS = 2_000;

/** What is wrong with a certificate itself, as OpenSSL has it. */
const DISTRUST = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|INVALID_)/;

/** What a server answers to a client that shows no certificate, or not one that it takes. Some say nothing, and hang up. */
const REFUSAL = /^ERR_SSL_\w+_ALERT_|^ECONNRESET$|^EPIPE$/;

const GIVE_CA = 'give its certificate, or that of its authority, by --tls-ca, OFFHAND_TLS_CA or tls.ca';

interface TlsError extends Error {
  code?: string;
  cert?: PeerCertificate;
  /** We trust the other side, and it does not want us. */
  isRefusal?: boolean;
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
  if (DISTRUST.test(code)) return `the certificate at ${address} is not trusted (${message}); ${GIVE_CA}`;
  if (!failure?.isRefusal) return undefined;
  return tls.cert === undefined
    ? `the pool at ${address} asks its clients for a certificate; give one of its authority, by OFFHAND_TLS_CERT and OFFHAND_TLS_KEY, or by tls.cert and tls.key`
    : `the pool at ${address} does not take the certificate that it was shown; give one for clients that the authority of its --tls-client-ca has signed, and that is valid now`;
}

/**
 * Undefined when TLS comes about. A server looks at the certificate of its client when that takes the handshake to be over, so
 * the first word of the server is waited for, which it says at once in HTTP/2.
 */
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
    let isTrusted = false;
    const socket = connect({ host, port, ALPNProtocols: ['h2'], ...options }, () => {
      isTrusted = true;
      if (!tls) end();
    });
    const end = (failure?: TlsError) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(failure);
    };
    const endRefused = (error: TlsError) =>
      end(Object.assign(error, { isRefusal: isTrusted && REFUSAL.test(error.code ?? '') }));
    socket.on('error', endRefused);
    socket.once('data', () => end());
    socket.once('end', () => endRefused(Object.assign(new Error('hung up'), { code: 'ECONNRESET' })));
    // Whoever keeps silent after the handshake is at least none who refuses.
    const timer = setTimeout(() => end(isTrusted ? undefined : new Error('no answer')), LIMIT_MS);
  });
}
