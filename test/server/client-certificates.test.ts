import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { poolError } from '../client/support.js';
import { offhand } from '../support/cli.js';
import { join } from '../support/crew.js';
import { Caller, COORDINATOR, WORKER } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer, type TestServer } from '../support/server.js';

/** A pool that takes calls only with a certificate of its authority, all of them made by `offhand cert`. */
const sandbox = new Sandbox();
let server: TestServer;

const file = (set: string, part: string) => sandbox.path('certificates', set, `${part}.pem`);
const read = (set: string, part: string) => readFileSync(file(set, part), 'utf8');
const shownBy = (set: string) => ({ cert: read(set, 'cert'), key: read(set, 'key') });
const ca = () => read('server-localhost', 'ca');

/** The flags of a machine, as the command prints them. */
const flagsOf = (set: string) => [
  ...['--advertise', 'localhost', '--host', '0.0.0.0'],
  ...['--tls-cert', file(set, 'cert'), '--tls-key', file(set, 'key'), '--tls-ca', file(set, 'ca')],
  ...['--tls-client-ca', file(set, 'ca')],
];

beforeAll(async () => {
  for (const args of [
    ['localhost', '127.0.0.1'],
    ['localhost', '--out', 'strange'],
    ['--client', 'ann'],
  ])
    expect(await offhand(sandbox, ['cert', ...args])).toMatchObject({ code: 0, stderr: '' });
  server = await startServer(sandbox, ['1', '--no-profile', '--http', ...flagsOf('server-localhost')]);
  writeFileSync(sandbox.path('add.mjs'), 'export const add = (a, b) => a + b;');
}, 60_000);
afterAll(async () => {
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

const add = (a: number, b: number) => a + b;

describe('a pool that asks for certificates', () => {
  test('runs the calls of clients that show one', async () => {
    const tls = { ca: ca(), ...shownBy('client-default') };
    await using pool = await connect(server.address, { token: server.token, tls });
    expect(await pool.run(add, 2, 3)).toBe(5);
    const handle = await pool.submit(add, [3, 4]);
    expect(await handle.result()).toBe(7);
  });

  test('takes the commands of clients whose certificate is in the environment', async () => {
    const env = {
      OFFHAND_ADDRESS: server.address,
      OFFHAND_TLS_CA: file('client-ann', 'ca'),
      OFFHAND_TLS_CERT: file('client-ann', 'cert'),
      OFFHAND_TLS_KEY: file('client-ann', 'key'),
    };
    const ended = await offhand(sandbox, ['run', 'add.mjs#add', '2', '3'], env);
    expect(ended).toMatchObject({ code: 0, stdout: '5\n', stderr: '' });
  });

  test('is found on its own machine with no more than before', async () => {
    const ended = await offhand(sandbox, ['run', 'add.mjs#add', '2', '3']);
    expect(ended).toMatchObject({ code: 0, stdout: '5\n', stderr: '' });
  });

  test('refuses a client that shows none, in one sentence', async () => {
    const error = await poolError(connect(server.address, { token: server.token, tls: { ca: ca() } }));
    expect(error).toMatchObject({ code: 'unavailable', mayHaveRun: false });
    expect(error.message).toMatch(
      /^the pool at localhost:\d+ asks its clients for a certificate; give one .*OFFHAND_TLS_CERT.*tls\.key$/,
    );
  });

  test('refuses a client whose certificate is of another authority', async () => {
    const strange = (part: string) => readFileSync(sandbox.path('strange', 'client-default', `${part}.pem`));
    const tls = { ca: ca(), cert: strange('cert'), key: strange('key') };
    const error = await poolError(connect(server.address, { token: server.token, tls }));
    expect(error).toMatchObject({ code: 'unavailable', mayHaveRun: false });
    expect(error.message).toMatch(
      /^the pool at localhost:\d+ does not take the certificate that it was shown/,
    );
  });

  test('is not trusted by who trusts another authority', async () => {
    const tls = {
      ca: readFileSync(sandbox.path('strange', 'ca.pem')),
      ...shownBy('client-default'),
    };
    const error = await poolError(connect(server.address, { token: server.token, tls }));
    expect(error.message).toMatch(/^the certificate at localhost:\d+ is not trusted \(/);
  });

  test('asks at the ports of its workers as well', async () => {
    const worker = `localhost:${server.workerPorts.get('worker-1')}`;
    for (const [address, service, method] of [
      [server.address, COORDINATOR, 'GetStatus'],
      [worker, WORKER, 'GetState'],
    ] as const) {
      using caller = new Caller(address, service, { token: server.token, ca: ca() });
      await expect(caller.unary(method)).rejects.toMatchObject({ code: 14 });
    }
  });

  test('asks for them in HTTP too', async () => {
    const url = `${server.http.replace('127.0.0.1', 'localhost')}/healthz`;
    expect(await statusOf(url, shownBy('client-ann'))).toBe(200);
    await expect(statusOf(url, {})).rejects.toThrow(/certificate required|ECONNRESET|socket hang up/);
  });

  test('takes workers from elsewhere that show one and ask for them, and no others', async () => {
    const crew = await join(server, [...flagsOf('server-localhost').slice(2), '--advertise', 'localhost'], 1);
    expect(crew.workers).toEqual(['worker-2']);
    crew.signal('SIGTERM');
    expect(await crew.ended).toMatchObject({ code: 0 });
    const { workerPorts } = randomPorts();
    // Its certificate is one of the authority; but whoever has the token would reach its port without any.
    const lax = ['--join', server.address, '--worker-ports', workerPorts, ...flagsOf('server-localhost')];
    const open = await offhand(sandbox, ['worker', ...lax.slice(0, -2)], { OFFHAND_TOKEN: server.token });
    expect(open).toMatchObject({ code: 1, stdout: '' });
    expect(open.stderr).toMatch(
      /^offhand: .*this pool asks its callers for certificates, and this worker would not: start it with --tls-client-ca.*\n$/,
    );
    const strange = sandbox.path('strange', 'server-localhost');
    const refused = await offhand(
      sandbox,
      [
        'worker',
        '--join',
        server.address,
        '--tls-cert',
        `${strange}/cert.pem`,
        '--tls-key',
        `${strange}/key.pem`,
      ].concat(['--tls-ca', file('server-localhost', 'ca'), '--host', '0.0.0.0', '--advertise', 'localhost']),
      { OFFHAND_TOKEN: server.token },
    );
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^offhand: the pool at localhost:\d+ does not take the certificate .*\n$/);
  });
});

describe('one sentence says at the start why it cannot ask', () => {
  test.each([
    [
      'no certificate of its own',
      () => ['--tls-client-ca', file('server-localhost', 'ca')],
      /--tls-client-ca .*ca\.pem goes together with --tls-cert and --tls-key/,
    ],
    [
      'another authority',
      () => [...flagsOf('server-localhost').slice(0, -1), sandbox.path('strange', 'ca.pem')],
      /--tls-cert .*: the certificate is not of the authority in --tls-client-ca .*strange/,
    ],
    [
      'no authority',
      () => [...flagsOf('server-localhost').slice(0, -1), file('server-localhost', 'cert')],
      /--tls-client-ca .*: expected the certificate of an authority/,
    ],
    [
      'no file',
      () => [...flagsOf('server-localhost').slice(0, -1), 'no.pem'],
      /--tls-client-ca no\.pem: the file cannot be read/,
    ],
  ])('%s', async (_what, flags, message) => {
    const refused = await offhand(sandbox, ['server', '1', ...flags()]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^offhand: [^\n]+\n$/);
    expect(refused.stderr).toMatch(message);
  });

  test('without TLS it names the command that makes it', async () => {
    const refused = await offhand(sandbox, ['server', '1', '--host', '0.0.0.0', '--advertise', 'box.lan']);
    expect(refused.stderr).toMatch(/^offhand: --host 0\.0\.0\.0: .*: npx offhand cert box\.lan makes .*\n$/);
  });
});

function statusOf(url: string, shown: { cert?: string; key?: string }): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { ca: ca(), ...shown, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}
