import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from './libraries.js';

/** A certificate and its private key, as PEM. */
export interface Pair {
  cert: string;
  key: string;
}

/** From when until when a certificate holds. */
export interface Validity {
  from: Date;
  until: Date;
}

/** Whose certificate it is: a machine's, by the names and addresses that it is dialled by, or a client's. */
export type Subject =
  { kind: 'server'; hosts: readonly [string, ...string[]] } | { kind: 'client'; name: string };

/** What every TLS library takes, with keys that are made in no time. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** An authority for no more than the certificates of one network: it signs no further authorities. */
export async function newAuthority({ from, until }: Validity): Promise<Pair> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Two authorities of this name would be taken for one another by people, and by some programs.
    name: [{ CN: [`offhand LAN ${randomBytes(4).toString('hex')}`] }],
    serialNumber: newSerial(),
    notBefore: from,
    notAfter: until,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pemOf(certificate), key: pemOfKey(keys) };
}

/** @param authority as {@link newAuthority} makes them: its key is one on the curve P-256. */
export async function issue(authority: Pair, subject: Subject, { from, until }: Validity): Promise<Pair> {
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [subject.kind === 'server' ? subject.hosts[0].slice(0, 64) : subject.name] }],
    issuer: issuer.subjectName,
    serialNumber: newSerial(),
    notBefore: from,
    notAfter: until,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...purposeOf(subject),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { cert: pemOf(certificate), key: pemOfKey(keys) };
}

/** A machine is a client too: workers dial their coordinator. Who is a client only can never pass for a machine. */
function purposeOf(subject: Subject) {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  if (subject.kind === 'client') return [new x509.ExtendedKeyUsageExtension([clientAuth])];
  const names = subject.hosts.map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  return [
    new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
    new x509.SubjectAlternativeNameExtension(names),
  ];
}

function newKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function signingKey(pem: string) {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

/** Positive, and too long to be guessed or to come twice. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

function pemOfKey({ privateKey }: webcrypto.CryptoKeyPair): string {
  return KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
}
