// What people and processes write down as text: addresses, ports, durations, leases, versions.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { workerId } from '../../src/core/ids.js';
import { formatAddress, isLoopback, parseAddress, parsePortRange } from '../../src/wire/address.js';
import { parseDurationMs } from '../../src/core/duration.js';
import { readLease, signLease } from '../../src/wire/lease-token.js';
import { checkNodeVersion } from '../../src/host/node-version.js';

const invalid: unknown = expect.objectContaining({ code: 'invalid-argument' });

describe('addresses', () => {
  test.each([
    ['localhost:4999', { host: 'localhost', port: 4999 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['example.org', { host: 'example.org', port: 7 }],
    [' example.org:80\n', { host: 'example.org', port: 80 }],
  ])('%p is read', (text, address) => {
    expect(parseAddress(text, 'address', 7)).toEqual(address);
  });

  const refused = [
    '',
    ' ',
    ':80',
    'a:',
    'a:b',
    'a:0',
    'a:65536',
    'a:1e3',
    'a:-1',
    '::1',
    'a:1:2',
    'http://a:1',
    'a b:1',
  ];
  test.each(refused)('%p is refused, with what was expected and what arrived', (text) => {
    expect(() => parseAddress(text, '--address', 7)).toThrow(invalid);
    expect(() => parseAddress(text, '--address', 7)).toThrow(
      `--address: expected HOST:PORT, got ${JSON.stringify(text)}`,
    );
  });

  test('without a port, and no default, are refused', () => {
    expect(() => parseAddress('localhost', 'address')).toThrow(invalid);
  });

  test('are written such that they are read back', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), port, (host, number) => {
        const address = { host, port: number };
        expect(parseAddress(formatAddress(address), 'address')).toEqual(address);
      }),
    );
  });

  test('are this machine’s own only when they certainly are', () => {
    expect(['localhost', '127.0.0.1', '127.8.9.1', '::1'].every(isLoopback)).toBe(true);
    const others = [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '127.0.0.1.example.org',
      'localhost.example.org',
      '1127.0.0.1',
      '',
    ];
    expect(others.some(isLoopback)).toBe(false);
  });
});

describe('port ranges', () => {
  test.each([
    ['5001-5100', { first: 5001, last: 5100 }],
    ['7', { first: 7, last: 7 }],
    ['1-65535', { first: 1, last: 65_535 }],
  ])('%p is read', (text, range) => {
    expect(parsePortRange(text, '--worker-ports')).toEqual(range);
  });

  test.each(['', 'x', '0', '0-5', '5-4', '1-65536', '-5', '5-', '1-2-3', '1.5'])('%p is refused', (text) => {
    expect(() => parsePortRange(text, '--worker-ports')).toThrow(invalid);
    expect(() => parsePortRange(text, '--worker-ports')).toThrow(/^--worker-ports: expected ports FROM-TO/);
  });
});

describe('durations', () => {
  test.each<[text: string | number, ms: number]>([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['250', 250],
    [250, 250],
    ['0', 0],
  ])('%p is %p ms', (text, ms) => {
    expect(parseDurationMs(text, '--timeout')).toBe(ms);
  });

  test.each<string | number>(['', 'x', '-1', '5 parsecs', '1s2', '1,5s', 's', '1e3', NaN, Infinity, -1])(
    '%p is refused',
    (text) => {
      expect(() => parseDurationMs(text, '--timeout')).toThrow(invalid);
      expect(() => parseDurationMs(text, '--timeout')).toThrow(
        /^--timeout: expected a duration such as 500ms, 30s or 1h, got /,
      );
    },
  );
});

describe('leases', () => {
  const key = Buffer.alloc(32, 1);
  const lease = { worker: workerId('0a1b2c'), slot: 1, epoch: 12, ttlMs: 5_000 };

  test('signed with a key are read with it', () => {
    const whole = fc.record({
      worker: fc.uuid().map((id) => workerId(id.replaceAll('-', ''))),
      slot: fc.nat(100),
      epoch: fc.maxSafeNat(),
      ttlMs: fc.nat(),
    });
    fc.assert(fc.property(whole, (one) => expect(readLease(signLease(one, key), key)).toEqual(one)));
  });

  test('of another key are refused', () => {
    expect(readLease(signLease(lease, key), Buffer.alloc(32, 2))).toBeUndefined();
  });

  test('with anything in them changed are refused', () => {
    const text = signLease(lease, key);
    const end = text.lastIndexOf('.');
    const other = fc.string({ minLength: 1, maxLength: 1 });
    // The last character of the signature has two bits that stand for nothing.
    fc.assert(
      fc.property(fc.nat(text.length - 2), other, (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const means = (one: string) =>
          `${one.slice(0, end)} ${Buffer.from(one.slice(end + 1), 'base64url').toString('hex')}`;
        fc.pre(means(changed) !== means(text));
        expect(readLease(changed, key)).toBeUndefined();
      }),
    );
  });

  test('with a later epoch or another slot under the same signature are refused', () => {
    const signature = signLease(lease, key).split('.').at(-1);
    expect(readLease(`0a1b2c.1.13.5000.${signature}`, key)).toBeUndefined();
    expect(readLease(`0a1b2c.2.12.5000.${signature}`, key)).toBeUndefined();
    expect(readLease(`0a1b2c.1.12.5000.${signature}`, key)).toEqual(lease);
  });

  test('that are any other text are refused', () => {
    for (const text of ['', '.', '....', 'x', '0a1b2c.1.12.5000', '0a1b2c.1.12.5000.', 'ü.1.1.1.ü'])
      expect(readLease(text, key)).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => expect(readLease(text, key)).toBeUndefined()));
  });
});

describe('Node’s version', () => {
  test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0', '100.0.0'])('%s will do', (version) => {
    expect(() => checkNodeVersion(version)).not.toThrow();
  });

  test.each(['20.18.3', '18.20.0', '20.9.0', '9.0.0'])('%s is refused in a sentence', (version) => {
    expect(() => checkNodeVersion(version)).toThrow(
      `offhand needs Node 20.19 or newer, and this is Node ${version}`,
    );
  });
});
