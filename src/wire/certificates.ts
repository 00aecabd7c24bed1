import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { checkServerIdentity } from 'node:tls';
import { messageOf, PoolError } from '../core/errors.js';
import type { Tls } from './credentials.js';

export const TLS_PARTS = ['ca', 'cert', 'key'] as const;

export type TlsPart = (typeof TLS_PARTS)[number];

/** How a message names a part: `--tls-cert cert.pem`, or `tls.cert`. */
export type NameOf = (part: TlsPart) => string;

/**
 * Makes sure that each part is what it is said to be, and that certificate and key belong together.
 *
 * @throws PoolError `invalid-argument`, naming the part.
 */
export function checkTls(tls: Tls, nameOf: NameOf): Tls {
  const { ca, cert, key } = tls;
  if (ca !== undefined) readCertificate(ca, nameOf('ca'));
  if (cert === undefined && key === undefined) return tls;
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? (['key', 'cert'] as const) : (['cert', 'key'] as const);
    throw refusal(`${nameOf(there)} goes together with ${nameOf(missing)}, which is not given`);
  }
  if (!readCertificate(cert, nameOf('cert')).checkPrivateKey(readKey(key, nameOf('key'))))
    throw refusal(`${nameOf('key')} is not the key of the certificate in ${nameOf('cert')}`);
  return tls;
}

/**
 * Makes sure that clients will accept a certificate from whom they dial by this name or address.
 *
 * @throws PoolError `invalid-argument`, naming the part.
 */
export function checkCertifies(cert: string, host: string, name: string): void {
  const certificate = readCertificate(cert, name);
  const { validFrom, validTo, subjectAltName } = certificate;
  if (Date.now() > Date.parse(validTo)) throw refusal(`${name}: the certificate has expired on ${validTo}`);
  if (Date.now() < Date.parse(validFrom))
    throw refusal(`${name}: the certificate is not valid before ${validFrom}`);
  if (!checkServerIdentity(host, certificate.toLegacyObject())) return;
  const covered = subjectAltName ? `for ${subjectAltName}` : 'without a subjectAltName';
  throw refusal(
    `${name}: the certificate is ${covered}, and clients dial ${host}; give --advertise a name that it is for, or make one for ${host} (offhand cert ${host})`,
  );
}

const BEGIN = '-----BEGIN CERTIFICATE-----';

/** Extended key usage: to be shown by whoever dials. */
const FOR_CLIENTS = '1.3.6.1.5.5.7.3.2';

/**
 * Makes sure that servers which ask callers for certificates of this authority take this one.
 *
 * @param cert the certificate, and after it those between it and its authority.
 * @throws PoolError `invalid-argument`, naming what does not fit.
 */
export function checkShowable(
  cert: string,
  clientCa: string,
  names: { cert: string; clientCa: string },
): void {
  const authorities = readCertificates(clientCa, names.clientCa);
  if (!authorities.every(({ ca }) => ca))
    throw refusal(
      `${names.clientCa}: expected the certificate of an authority, and this one may sign no others`,
    );
  const [first, ...between] = readCertificates(cert, names.cert);
  const reason = 'the processes of the pool show it to one another';
  let last = first;
  while (last && !isSignedByOne(last, authorities)) last = takeIssuer(last, between);
  if (!last)
    throw refusal(
      `${names.cert}: the certificate is not of the authority in ${names.clientCa}, which it has to be, since ${reason}`,
    );
  // Undefined where a certificate is for everything, whatever the types say.
  const usage = first?.keyUsage;
  if (usage && !usage.includes(FOR_CLIENTS))
    throw refusal(`${names.cert}: the certificate is for servers only, and with ${names.clientCa} ${reason}`);
}

function isSignedByOne(certificate: X509Certificate, issuers: readonly X509Certificate[]): boolean {
  return issuers.some((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
}

/** Each of a chain is used once, so that a chain that bites its tail has an end too. */
function takeIssuer(certificate: X509Certificate, between: X509Certificate[]): X509Certificate | undefined {
  const index = between.findIndex((issuer) => isSignedByOne(certificate, [issuer]));
  return index < 0 ? undefined : between.splice(index, 1)[0];
}

function readCertificates(pem: string, name: string): X509Certificate[] {
  const parts = pem.split(new RegExp(`(?=${BEGIN})`)).filter((part) => part.includes(BEGIN));
  return parts.length === 0 ? [readCertificate(pem, name)] : parts.map((part) => readCertificate(part, name));
}

function readCertificate(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw refusal(`${name}: expected a certificate as PEM (${messageOf(error)})`);
  }
}

function readKey(pem: string, name: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw refusal(`${name}: expected a private key as PEM, without a passphrase (${messageOf(error)})`);
  }
}

function refusal(message: string): PoolError {
  return new PoolError('invalid-argument', message);
}
