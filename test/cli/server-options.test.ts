import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pem, tlsFile } from '../support/tls.js';
import {
  resolveHttpOptions,
  resolveServerOptions,
  type ServerArguments,
} from '../../src/cli/flags/server-options.js';

/** As yargs gives them when nothing is typed, but for the files, which nobody wants here. */
const TYPED: ServerArguments = {
  workers: '2',
  host: '127.0.0.1',
  advertise: undefined,
  port: undefined,
  min: undefined,
  max: undefined,
  idleTimeout: '30s',
  discover: undefined,
  workerPorts: '5001-5100',
  inspect: false,
  passEnv: undefined,
  code: 'any',
  functions: undefined,
  auditLog: undefined,
  permission: false,
  allow: undefined,
  slots: '1',
  profile: false,
  profileInterval: '100',
  logDir: undefined,
  policy: 'first-free',
  tag: undefined,
  eventLog: undefined,
  logLevel: 'info',
  heartbeatInterval: '1s',
  workerTimeout: '5s',
  coordinatorTimeout: '30s',
  drainTimeout: '30s',
  maxRss: undefined,
  maxOpenFiles: undefined,
  workDir: undefined,
  maxHeap: undefined,
  maxOutput: '64mb',
  maxTasksPerWorker: undefined,
  auth: false,
  tlsCert: undefined,
  tlsKey: undefined,
  tlsCa: undefined,
  tlsClientCa: undefined,
  store: 'memory',
  storeReplicas: undefined,
  storeCreds: undefined,
  storeTlsCa: undefined,
  storeTlsCert: undefined,
  storeTlsKey: undefined,
  keepResults: '1h',
  keepCount: '100000',
  maxQueued: '1000000',
  http: false,
  httpPort: undefined,
  httpAllowHost: undefined,
  httpAllowOrigin: undefined,
  httpMaxBody: '4mb',
  httpRate: '20000',
};

function resolve(typed: Partial<ServerArguments>) {
  process.env['OFFHAND_TOKEN'] = 'the-token';
  const logDir = mkdtempSync(join(tmpdir(), 'offhand-test-'));
  try {
    return resolveServerOptions({ ...TYPED, logDir, ...typed });
  } finally {
    rmSync(logDir, { recursive: true });
    delete process.env['OFFHAND_TOKEN'];
  }
}

const TLS = { tlsCert: tlsFile('pool'), tlsKey: tlsFile('pool-key') };

/** For other machines. */
const SAFE = { ...TLS, auth: true };

describe('the options of a server', () => {
  test.each<[string, Partial<ServerArguments>, RegExp]>([
    ['no workers', { workers: '0' }, /^workers: expected a whole number from 1 to \d+, got 0$/],
    ['workers that are no number', { workers: 'x' }, /^workers: expected a whole number.*got x$/],
    ['more workers than anybody has', { workers: '100000' }, /^workers: .*got 100000$/],
    ['a fraction of a worker', { workers: '1.5' }, /^workers: .*got 1\.5$/],
    ['a negative number of workers', { workers: '-1' }, /^workers: .*got -1$/],
    ['more workers than ports', { workers: '101' }, /^--worker-ports 5001-5100 has room for 100.*101/],
    ['one worker too many', { workers: '3', workerPorts: '7001-7002' }, /^--worker-ports .*room for 2.*3/],
    ['ports upside down', { workerPorts: '9-1' }, /^--worker-ports: .*got "9-1"$/],
    ['ports that are none', { workerPorts: '1-70000' }, /^--worker-ports: .*65535/],
    ['a port that is none', { port: '65536' }, /^--port: .*got 65536$/],
    ['no slots', { slots: '0' }, /^--slots: .*got 0$/],
    ['an address of the network', { host: '0.0.0.0' }, /^--host 0\.0\.0\.0: .*this machine only/],
    ['every IPv6 address', { host: '::' }, /^--host ::: .*this machine only/],
    ['a name of the network', { host: 'example.com' }, /^--host example\.com/],
    [
      'every address of a pool without a token',
      { ...TLS, host: '0.0.0.0' },
      /^--host 0.*unless it has a token/,
    ],
    [
      'to be reached elsewhere without TLS',
      { advertise: 'box.lan' },
      /^--advertise box\.lan: .*it has TLS: npx offhand cert box\.lan makes certificates, then add --tls-cert certificates\/server-box\.lan\/cert\.pem --tls-key /,
    ],
    [
      'to advertise nowhere',
      { ...SAFE, host: '0.0.0.0' },
      /^--host 0\.0\.0\.0 is every .*give --advertise HOST/,
    ],
    ['to advertise everywhere', { ...SAFE, advertise: '::' }, /give --advertise HOST, a name or address/],
    ['to advertise a port', { ...SAFE, advertise: 'box:1' }, /^--advertise: .*without a port, got "box:1"$/],
    [
      'a certificate of another name',
      { ...SAFE, host: '0.0.0.0', advertise: 'box.lan' },
      /and clients dial box\.lan;/,
    ],
    [
      'more slots than ports',
      { ...SAFE, host: '0.0.0.0', advertise: 'localhost', slots: '9', workers: '11' },
      /^--worker-ports 5001-5100 has room for 10 workers of 10 ports, and 11 were/,
    ],
    [
      'a certificate without its key',
      { tlsCert: TLS.tlsCert },
      /^--tls-cert \S+pool\.pem goes .* --tls-key,/,
    ],
    [
      'a key without its certificate',
      { tlsKey: TLS.tlsKey },
      /^--tls-key \S+ goes together with --tls-cert,/,
    ],
    [
      'a file that is not there',
      { ...TLS, tlsKey: 'no.pem' },
      /^--tls-key no\.pem: .*cannot be read \(.*ENOENT/,
    ],
    [
      'a key of another',
      { ...TLS, tlsKey: tlsFile('stranger-key') },
      /^--tls-key \S+stranger-key\.pem is not/,
    ],
    [
      'a certificate of another',
      { ...TLS, tlsCert: tlsFile('elsewhere') },
      /for DNS:pool\.example, .*127\.0\.0/,
    ],
    [
      'a certificate of last year',
      { ...TLS, tlsCert: tlsFile('expired') },
      /expired\.pem: .* has expired on/,
    ],
    [
      'an authority that is none',
      { ...TLS, tlsCa: TLS.tlsKey },
      /^--tls-ca \S+: expected a certificate as PEM/,
    ],
    ['a duration that is none', { coordinatorTimeout: '1 week' }, /^--coordinator-timeout: .*500ms/],
    ['a size that is none', { maxRss: '2 elephants' }, /^--max-rss: .*512mb or 2gb, at least 128mb, got 2 e/],
    ['less memory than a worker needs', { maxRss: '100mb' }, /^--max-rss: .*at least 128mb, got 100mb$/],
    ['less than its slots need', { maxRss: '200mb', slots: '4' }, /^--max-rss: .*at least 224mb/],
    ['less output than a line', { maxOutput: '10b' }, /^--max-output: .*at least 1kb, got 10b$/],
    ['less memory than a thread needs', { maxHeap: '1mb' }, /^--max-heap: .*at least 32mb, got 1mb$/],
    ['a sample every ms', { profileInterval: '1ms' }, /^--profile-interval: .*at least 10 ms, got 1ms$/],
  ])('refuse %s', (_what, typed, words) => {
    expect(() => resolve(typed)).toThrow(words);
  });

  test('try ports outside the range of the workers, and none that the HTTP service wants', () => {
    const { ports } = resolve({});
    expect(ports[0]).toBe(4999);
    expect(ports).not.toContain(5000);
    expect(ports.some((port) => port >= 5001 && port <= 5100)).toBe(false);
    expect(ports[1]).toBe(5101);
    expect(resolve({ workerPorts: '4990-5200' }).ports[0]).toBe(5201);
  });

  test('try only the port that was named', () => {
    expect(resolve({ port: '7000' }).ports).toEqual([7000]);
  });

  test('tags may be given one by one, or together as in OFFHAND_TAG', () => {
    expect(resolve({ tag: ['mem=16g', 'gpu'] }).tags).toEqual(['gpu', 'mem=16g']);
    expect(resolve({ tag: ['gpu,mem=16g'] }).tags).toEqual(['gpu', 'mem=16g']);
    expect(resolve({}).tags).toEqual([]);
  });

  test('take every form of a duration', () => {
    const options = resolve({ coordinatorTimeout: '1h', drainTimeout: '500ms', profileInterval: '0.5s' });
    expect(options).toMatchObject({
      coordinatorTimeoutMs: 3_600_000,
      drainTimeoutMs: 500,
      profileIntervalMs: 500,
    });
  });

  test('have TLS where there is a certificate, which is trusted unless an authority is named', () => {
    const tls = { cert: pem('pool'), key: pem('pool-key') };
    expect(resolve(TLS).credentials.tls).toEqual({ ...tls, ca: tls.cert });
    expect(resolve({ ...TLS, tlsCa: tlsFile('ca') }).credentials.tls).toEqual({ ...tls, ca: pem('ca') });
    expect(resolve({ tlsCa: tlsFile('ca') }).credentials.tls).toBeUndefined();
  });

  test('take an address of the network with TLS and a token, and clients dial the one that is advertised', () => {
    const everywhere = { ...SAFE, host: '0.0.0.0', advertise: 'localhost' };
    expect(resolve(everywhere)).toMatchObject({ host: '0.0.0.0', advertise: 'localhost' });
    expect(resolve({ ...everywhere, host: '::' })).toMatchObject({ host: '::', advertise: 'localhost' });
    expect(resolve({})).toMatchObject({ host: '127.0.0.1', advertise: '127.0.0.1' });
  });

  test('take every form of a size', () => {
    const mib = 1024 * 1024;
    expect(resolve({ maxRss: '1.5gb', maxHeap: '64 MB' })).toMatchObject({
      maxRssBytes: 1_536 * mib,
      maxHeapBytes: 64 * mib,
    });
    expect(resolve({ maxRss: String(256 * mib) })).toMatchObject({
      maxRssBytes: 256 * mib,
      maxHeapBytes: undefined,
    });
  });

  test('take a number of tasks after which a worker is replaced, which is none unless given', () => {
    expect(resolve({ maxTasksPerWorker: '500' }).maxTasks).toBe(500);
    expect(resolve({}).maxTasks).toBeUndefined();
    expect(() => resolve({ maxTasksPerWorker: '0' })).toThrow(
      /^--max-tasks-per-worker: expected a whole number from 1 to 1000000000, got 0$/,
    );
  });

  test('take every address of this machine', () => {
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', '::1'])
      expect(resolve({ host }).host).toBe(host);
  });
});

describe('the options of its HTTP service', () => {
  const optionsOf = (typed: Partial<ServerArguments>) => {
    const http = { http: true, ...typed };
    return resolveHttpOptions({ ...TYPED, ...http }, resolve(http));
  };

  test('try port 5000 and those above it that are not for workers, unless one is named', () => {
    const ports = optionsOf({ workerPorts: '5001-5100' })?.ports ?? [];
    expect(ports.slice(0, 3)).toEqual([5000, 5101, 5102]);
    expect(optionsOf({ httpPort: '6000' })?.ports).toEqual([6000]);
    expect(optionsOf({ http: false })).toBeUndefined();
  });

  test.each<[Partial<ServerArguments>, RegExp]>([
    [{ httpPort: '0' }, /^--http-port: .*got 0$/],
    [{ httpMaxBody: '1' }, /^--http-max-body: .*at least 1kb, got 1$/],
    [{ httpRate: '0' }, /^--http-rate: .*got 0$/],
    [{ httpAllowHost: ['a:1'] }, /^--http-allow-host: expected a name without a port, got a:1$/],
    [
      { httpAllowOrigin: ['https://a.example/'] },
      /^--http-allow-origin: expected a site .*got https:\/\/a\.example\/$/,
    ],
    [{ httpAllowOrigin: ['null'] }, /^--http-allow-origin: .*got null$/],
    [{ maxQueued: '0' }, /^--max-queued: .*got 0$/],
  ])('refuse %j', (typed, message) => {
    expect(() => optionsOf(typed)).toThrow(message);
  });
});
