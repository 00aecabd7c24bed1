import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { checkCertifies, checkTls } from '../../src/wire/certificates.js';
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
