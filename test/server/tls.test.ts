import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Pool } from 'offhand';
import { poolError } from '../client/support.js';
import { offhand } from '../support/cli.js';
import {
  Caller,
  codeRequest,
  COORDINATOR,
  type Lease,
  resultOf,
  type RunCodeResponse,
  WORKER,
} from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { pem, TLS_FLAGS, tlsFile } from '../support/tls.js';
import { waitFor, within } from '../support/wait.js';

/** Listens for other machines; the test is one of them, as far as the pool can tell. */
const REMOTE = ['--host', '0.0.0.0', '--advertise', '127.0.0.1', ...TLS_FLAGS];

const sandbox = new Sandbox();
let server: TestServer;
let pool: Pool;

beforeAll(async () => {
  server = await startServer(sandbox, ['2', '--no-profile', '--slots', '2', ...REMOTE]);
  pool = await connect(server.address, { token: server.token, tls: { ca: pem('ca') } });
}, 40_000);
afterAll(async () => {
  await pool.close();
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

const add = (a: number, b: number) => a + b;

/** Connects in vain; the words that it ends with. */
async function refusal(address: string, tls?: { ca: string }): Promise<string> {
  const { code, message, mayHaveRun } = await poolError(connect(address, { token: server.token, tls }));
  expect({ code, mayHaveRun }).toEqual({ code: 'unavailable', mayHaveRun: false });
  expect(message).not.toContain('\n');
  return message;
}

describe('a pool for other machines', () => {
  test('has no sockets: every way to it is a port with TLS', () => {
    const files = readdirSync(join(String(sandbox.env['XDG_RUNTIME_DIR']), 'offhand'));
    expect(files).toEqual([`${server.port}.json`]);
    expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('runs calls, many at once', async () => {
    expect(await pool.run(add, 2, 3)).toBe(5);
    const results: number[] = [];
    for await (const result of pool.map((n: number) => n * 2, Array(5_000).keys())) results.push(result);
    expect(results).toEqual(Array.from({ length: 5_000 }, (_, n) => n * 2));
  });

  test('is sent large arguments along with their tasks', async () => {
    const length = (bytes: Uint8Array) => [bytes.length, bytes.at(-1)];
    const sizes = [127 * 1024, 129 * 1024, 5_000_000, 3_000_000];
    const calls = sizes.map((size) => pool.run(length, new Uint8Array(size).fill(7)));
    expect(await within(15_000, 'the results', Promise.all(calls))).toEqual(sizes.map((size) => [size, 7]));
  });

  test('is sent values that were put once, ahead of the tasks that refer to them', async () => {
    const reference = await pool.put(new Float64Array(500_000).fill(2));
    const sum = (array: Float64Array, by: number) => by * array.reduce((total, x) => total + x, 0);
    const calls = Array.from({ length: 8 }, (_, by) => pool.run(sum, reference, by));
    expect(await Promise.all(calls)).toEqual(calls.map((_, by) => by * 1_000_000));
    const words = await pool.put({ words: ['one'] });
    expect(await pool.run((given: { words: string[] }) => given.words, words)).toEqual(['one']);
  });

  test('stops what is cancelled, and has the slots back on their ports', async () => {
    const controller = new AbortController();
    const endless = () => {
      for (;;);
    };
    const busy = Array.from({ length: 4 }, () =>
      poolError(pool.with({ signal: controller.signal }).run(endless)),
    );
    await waitFor('the calls to run', async () => {
      const { stdout } = await offhand(sandbox, ['status', '--json']);
      return stdout.match(/"endless"/g)?.length === 4;
    });
    controller.abort();
    for (const error of await Promise.all(busy)) expect(error.code).toBe('cancelled');
    expect(await poolError(pool.run(() => process.exit(0)))).toMatchObject({ code: 'exited' });
    const calls = Array.from({ length: 8 }, (_, n) => pool.run(add, n, 1));
    expect(await within(10_000, 'the results', Promise.all(calls))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('is trusted by its certificate alone, and by another of its names', async () => {
    await using other = await connect(server.address.replace('127.0.0.1', 'localhost'), {
      token: server.token,
      tls: { ca: Buffer.from(pem('pool')) },
    });
    expect(await other.run(add, 1, 1)).toBe(2);
  });

  test('is found on its own machine with no more than before', async () => {
    writeFileSync(sandbox.path('add.mjs'), 'export const add = (a, b) => a + b;');
    expect(await offhand(sandbox, ['run', 'add.mjs#add', '1', '2'])).toMatchObject({
      code: 0,
      stdout: '3\n',
    });
    const elsewhere = { OFFHAND_TLS_CA: tlsFile('stranger') };
    expect(await offhand(sandbox, ['run', 'add.mjs#add', '1', '2'], elsewhere)).toMatchObject({
      stdout: '3\n',
    });
  });

  test('is served by commands that name its authority', async () => {
    const address = ['--address', server.address];
    const flag = await offhand(sandbox, ['status', ...address, '--tls-ca', tlsFile('ca')]);
    expect(flag).toMatchObject({ code: 0, stderr: '' });
    expect(flag.stdout).toContain('127.0.0.1:');
    const variables = { OFFHAND_TLS_CA: tlsFile('ca'), OFFHAND_ADDRESS: server.address };
    const run = await offhand(sandbox, ['run', 'add.mjs#add', '2', '2'], variables);
    expect(run).toMatchObject({ code: 0, stdout: '4\n', stderr: '' });
    const missing = await offhand(sandbox, ['status', ...address, '--tls-ca', 'no.pem']);
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toMatch(/^offhand: --tls-ca no\.pem: the file cannot be read \(ENOENT.*\)\n$/);
  });

  test('serves clients in other languages', async () => {
    const options = { token: server.token, ca: pem('ca') };
    using caller = new Caller(server.address, COORDINATOR, options);
    const lease: Lease = await caller.findFreeWorker();
    expect(lease.host).toBe('127.0.0.1');
    using worker = new Caller(`${lease.host}:${lease.port}`, WORKER, options);
    const request = codeRequest(lease, '(a, b) => a + b', [2, 3]);
    expect(resultOf(await worker.unary<RunCodeResponse>('RunCode', request))).toBe(5);
    await caller.freeWorker(lease);
    using plain = new Caller(`${lease.host}:${lease.port}`, WORKER, { token: server.token });
    await expect(plain.unary('GetState')).rejects.toMatchObject({ code: 14 });
  });
});

describe('one sentence says why', () => {
  test('a client without TLS is not let in', async () => {
    expect(await refusal(server.address)).toMatch(/^what listens at 127\.0\.0\.1:\d+ speaks TLS; give its/);
  });

  test('a certificate is not trusted', async () => {
    const untrusted =
      /^the certificate at 127\.0\.0\.1:\d+ is not trusted \(unable to .*\); give its certificate/;
    expect(await refusal(server.address, { ca: pem('stranger') })).toMatch(untrusted);
  });

  test('a client that wants TLS is not at the right place', async () => {
    await using plain = await startedPlain();
    expect(await refusal(plain.server.address, { ca: pem('ca') })).toMatch(
      /^what listens at 127\.0\.0\.1:\d+ does not speak TLS; leave out --tls-ca, OFFHAND_TLS_CA and tls /,
    );
    // A pool that is found by its file needs nothing, and what is set for another one does not disturb.
    const status = await offhand(plain.sandbox, ['status'], { OFFHAND_TLS_CA: tlsFile('ca') });
    expect(status).toMatchObject({ code: 0, stderr: '' });
  });

  test('a certificate is for another name, and a worker cannot be reached', async () => {
    await using place = new Sandbox();
    const apart = ['--tls-cert', tlsFile('apart'), '--tls-key', tlsFile('pool-key')];
    const far = await startServer(place, ['1', '--host', '0.0.0.0', '--advertise', 'pool.invalid', ...apart]);
    expect(await refusal(`127.0.0.1:${far.port}`, { ca: pem('ca') })).toMatch(
      /^the certificate at 127\.0\.0\.1:\d+ is for DNS:localhost, DNS:pool\.invalid, and not for 127\.0\.0\.1; /,
    );
    await using near = await connect(`localhost:${far.port}`, { token: far.token, tls: { ca: pem('ca') } });
    const calls = [1, 2, 3].map((n) => poolError(near.run(add, n, n)));
    for (const error of await within(10_000, 'the calls to fail', Promise.all(calls))) {
      expect(error).toMatchObject({ code: 'unavailable', mayHaveRun: false });
      expect(error.message).toMatch(/^worker-1 cannot be reached at pool\.invalid:\d+ \(.+\); .*--advertise/);
    }
    await far.stop();
  });

  test('a server does not trust itself', async () => {
    await using place = new Sandbox();
    const started = startServer(place, ['1', ...TLS_FLAGS, '--tls-ca', tlsFile('stranger')]);
    await expect(started).rejects.toThrow(/offhand: the certificate at 127\.0\.0\.1:\d+ is not trusted \(/);
    await place.whenEmpty();
  });

  test('a pool is for its own machine only', async () => {
    for (const flags of [[], ['--no-auth', ...TLS_FLAGS]]) {
      const refused = await offhand(sandbox, ['server', '1', '--host', '0.0.0.0', ...flags]);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        /^offhand: --host 0\.0\.0\.0: .* this machine only .* unless it has .*\n$/,
      );
    }
  });
});

async function startedPlain(): Promise<{ server: TestServer; sandbox: Sandbox } & AsyncDisposable> {
  const place = new Sandbox();
  const plain = await startServer(place, ['1', '--no-profile']);
  const end = async () => {
    await plain.stop();
    await place[Symbol.asyncDispose]();
  };
  return { server: plain, sandbox: place, [Symbol.asyncDispose]: end };
}
