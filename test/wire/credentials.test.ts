import { expect, test } from '@jest/globals';
import { serverCredentials, tlsTo } from '../../src/wire/credentials.js';
import { pem } from '../support/tls.js';

const own = { cert: pem('pool'), key: pem('pool-key') };

test('another machine is never dialled in the clear, whoever forgot to ask for TLS', () => {
  for (const address of ['192.0.2.1:4999', 'box.lan:4999', '[2001:db8::1]:4999', '0.0.0.0:4999']) {
    expect(tlsTo(address, { token: 'secret' })).toEqual({});
    expect(tlsTo(address, { token: 'secret', tls: { ca: 'an authority' } })).toEqual({ ca: 'an authority' });
  }
});

test('this machine is dialled as the pool has it', () => {
  for (const address of ['127.0.0.1:4999', 'localhost:4999', '[::1]:4999']) {
    expect(tlsTo(address, { token: 'secret' })).toBeUndefined();
    expect(tlsTo(address, { token: 'secret', tls: own })).toBe(own);
  }
});

test('a socket of this machine needs no TLS', () => {
  const address = 'unix:/run/user/1/offhand/worker-1-0.sock';
  expect(tlsTo(address, { token: 'secret', tls: own })).toBeUndefined();
  expect(serverCredentials(address, { token: 'secret', tls: own })._isSecure()).toBe(false);
});

test('a server has TLS where it has a certificate to show', () => {
  const isSecure = (tls?: object) => serverCredentials('0.0.0.0:4999', { token: 'secret', tls })._isSecure();
  expect(isSecure(own)).toBe(true);
  expect(isSecure({ ca: pem('ca') })).toBe(false);
  expect(isSecure()).toBe(false);
});
