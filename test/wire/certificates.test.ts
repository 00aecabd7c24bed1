import { webcrypto } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import * as x509 from '../../src/authority/libraries.js';
import { checkCertifies, checkShowable, checkTls } from '../../src/wire/certificates.js';
import type { Tls } from '../../src/wire/credentials.js';
import { pem } from '../support/tls.js';

const nameOf = (part: string) => `--tls-${part}`;
const check = (tls: Tls) => () => checkTls(tls, nameOf);
const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(message) });

describe('certificates and keys', () => {
  test('that belong together are taken as they are', () => {
    const tls = { ca: pem('ca'), cert: pem('pool'), key: pem('pool-key') };
    expect(checkTls(tls, nameOf)).toEqual(tls);
    expect(checkTls({}, nameOf)).toEqual({});
    expect(checkTls({ ca: pem('stranger') }, nameOf)).toEqual({ ca: pem('stranger') });
  });

  test('need each other', () => {
    expect(check({ cert: pem('pool') })).toThrow(refused(/^--tls-cert goes together with --tls-key, which/));
    expect(check({ key: pem('pool-key') })).toThrow(refused(/^--tls-key goes together with --tls-cert, /));
  });

  test('of two pools do not fit', () => {
    expect(check({ cert: pem('pool'), key: pem('stranger-key') })).toThrow(
      refused(/^--tls-key is not the key of the certificate in --tls-cert$/),
    );
  });

  test('are told apart from everything else', () => {
    expect(check({ ca: 'ca.pem' })).toThrow(refused(/^--tls-ca: expected a certificate as PEM \(/));
    expect(check({ ca: '' })).toThrow(refused(/^--tls-ca: expected a certificate as PEM \(/));
    expect(check({ cert: pem('pool-key'), key: pem('pool') })).toThrow(
      refused(/^--tls-cert: expected a cert/),
    );
    expect(check({ cert: pem('pool'), key: pem('pool') })).toThrow(
      refused(/^--tls-key: expected a private key/),
    );
  });
});

describe('a certificate', () => {
  const checkFor = (host: string, name: Parameters<typeof pem>[0]) => () =>
    checkCertifies(pem(name), host, '--tls-cert c.pem');

  test.each(['localhost', '127.0.0.1'])('is for %s', (host) => {
    expect(checkFor(host, 'pool')).not.toThrow();
  });

  test('is for ::1 where this version of Node dials it; 22.23 refuses each certificate for an IPv6 address', async () => {
    if (await isDialled('::1')) expect(checkFor('::1', 'pool')).not.toThrow();
    else expect(checkFor('::1', 'pool')).toThrow(refused(/and clients dial ::1;/));
  });

  test('is not for a name that it does not have', () => {
    expect(checkFor('pool.example', 'elsewhere')).not.toThrow();
    expect(checkFor('192.0.2.1', 'elsewhere')).toThrow(
      refused(
        /^--tls-cert c\.pem: the certificate is for DNS:pool\.example, and clients dial 192\.0\.2\.1; /,
      ),
    );
    expect(checkFor('localhost', 'ca')).toThrow(refused(/without a subjectAltName/));
  });

  test('is good for its time only', () => {
    expect(checkFor('localhost', 'expired')).toThrow(
      refused(/the certificate has expired on Jan {2}1 .*2021/),
    );
  });
});

describe('a certificate that the processes of a pool show one another', () => {
  const names = { cert: '--tls-cert', clientCa: '--tls-client-ca' };
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;

  test('is of the authority that is asked for, at once or by others in between', async () => {
    const root = await signed('root', undefined);
    const between = await signed('between', root);
    const last = await signed('box.lan', between, [clientAuth, serverAuth]);
    expect(() => checkShowable(last.pem, between.pem, names)).not.toThrow();
    expect(() => checkShowable(last.pem + between.pem, root.pem, names)).not.toThrow();
    expect(() => checkShowable(last.pem, pem('ca') + between.pem, names)).not.toThrow();
    expect(() => checkShowable(pem('pool'), pem('ca'), names)).not.toThrow();
    for (const [cert, authority] of [
      [last.pem, root.pem],
      [last.pem + between.pem, pem('ca')],
      [pem('stranger'), pem('ca')],
      [root.pem + root.pem, pem('ca')], // One that has signed itself.
    ] as const)
      expect(() => checkShowable(cert, authority, names)).toThrow(
        refused(/^--tls-cert: the certificate is not of the authority in --tls-client-ca, /),
      );
  });

  test('is for those who dial as well', async () => {
    const root = await signed('root', undefined);
    const server = await signed('box.lan', root, [serverAuth]);
    expect(() => checkShowable(server.pem, root.pem, names)).toThrow(
      refused(/^--tls-cert: the certificate is for servers only, /),
    );
  });

  test('has an authority to be judged by', () => {
    expect(() => checkShowable(pem('pool'), pem('pool'), names)).toThrow(
      refused(/^--tls-client-ca: expected the certificate of an authority, /),
    );
    expect(() => checkShowable(pem('pool'), 'ca.pem', names)).toThrow(
      refused(/^--tls-client-ca: expected a certificate as PEM \(/),
    );
  });
});

interface Signed {
  pem: string;
  name: string;
  keys: webcrypto.CryptoKeyPair;
}

/** An authority, or with a usage one that signs no others; signed by itself where nobody else does. */
async function signed(
  name: string,
  by: Signed | undefined,
  usage?: x509.ExtendedKeyUsage[],
): Promise<Signed> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${by?.name ?? name}`,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(usage === undefined),
      ...(usage ? [new x509.ExtendedKeyUsageExtension(usage)] : []),
    ],
  });
  return { pem: `${certificate.toString('pem')}\n`, name, keys };
}

/** Whether a client of this Node accepts the pool's certificate from this address. */
async function isDialled(host: string): Promise<boolean> {
  const server = createServer({ cert: pem('pool'), key: pem('pool-key') }, (socket) => socket.end());
  await once(server.listen(0, host), 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host, port, ca: pem('ca') });
  try {
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]);
    return socket.authorized;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_TLS_CERT_ALTNAME_INVALID') throw error;
    return false;
  } finally {
    socket.destroy();
    server.close();
  }
}
