import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect, type ConnectOptions } from 'offhand';
import { poolError, temporaryFolder, until } from './support.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const folder = temporaryFolder();
const runtime = join(folder.path, 'runtime');
const env = { XDG_CONFIG_HOME: join(folder.path, 'config'), XDG_RUNTIME_DIR: runtime };
const before = { ...process.env };

let server: ChildProcess;
let address = '';

beforeAll(async () => {
  mkdirSync(runtime);
  server = spawn(process.execPath, [MAIN, 'server', '1', '--no-profile', '--worker-ports', '5801-5890'], {
    cwd: folder.path,
    env: { ...before, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  server.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  await until('the server is up', () => (address = /coordinator\s+(\S+)/.exec(out)?.[1] ?? '') !== '');
});
afterAll(async () => {
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await gone;
  process.env = before;
  folder.remove();
});
beforeEach(() => {
  process.env = { ...before, ...env };
  delete process.env['OFFHAND_ADDRESS'];
  delete process.env['OFFHAND_TOKEN'];
});

describe('a pool that runs', () => {
  const add = (a: number, b: number) => a + b;

  test('is found without an address, with this user’s token', async () => {
    await using pool = await connect();
    expect(await pool.run(add, 2, 3)).toBe(5);
  });

  test('is found by its address, by another name of its host, and by OFFHAND_ADDRESS', async () => {
    for (const given of [address, address.replace('127.0.0.1', 'localhost')]) {
      await using pool = await connect(given);
      expect(await pool.run(add, 2, 3)).toBe(5);
    }
    process.env['OFFHAND_ADDRESS'] = address;
    process.env['XDG_RUNTIME_DIR'] = join(folder.path, 'nothing-here');
    await using pool = await connect();
    expect(await pool.run(add, 2, 3)).toBe(5);
  });

  test('refuses a wrong token, a missing one, and says what to do', async () => {
    const wrong = await poolError(connect(address, { token: 'guessed' }));
    expect(wrong.code).toBe('unauthenticated');
    expect(wrong.message).toMatch(
      /does not know this token; set OFFHAND_TOKEN to what `offhand token` prints/,
    );
    process.env['XDG_CONFIG_HOME'] = join(folder.path, 'nothing-here');
    expect(await poolError(connect(address))).toMatchObject({ code: 'unauthenticated' });
    process.env['OFFHAND_TOKEN'] = 'guessed';
    expect(await poolError(connect(address))).toMatchObject({ code: 'unauthenticated' });
  });

  test('goes on when a client closes, and serves the next one', async () => {
    for (let round = 0; round < 3; round++) {
      await using pool = await connect(address);
      expect(await pool.run(add, round, 1)).toBe(round + 1);
    }
  });

  test('is free at once for others when a client closes while its task runs', async () => {
    const first = await connect(address);
    const busy = poolError(
      first.run(() => {
        for (;;);
      }),
    );
    await using second = await connect(address);
    const next = second.run(add, 1, 1);
    await first.close();
    expect(await busy).toMatchObject({ code: 'closed' });
    const start = performance.now();
    expect(await next).toBe(2);
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  test('one of several has to be named', async () => {
    const other = join(folder.path, 'runtime-2');
    mkdirSync(join(other, 'offhand'), { recursive: true, mode: 0o700 });
    for (const port of [6001, 6002]) {
      const pool = { address: `127.0.0.1:${port}`, port, pid: process.pid, version: '0.1.0' };
      writeFileSync(join(other, 'offhand', `${port}.json`), JSON.stringify(pool));
    }
    process.env['XDG_RUNTIME_DIR'] = other;
    const error = await poolError(connect());
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(/several pools .*127\.0\.0\.1:6001, 127\.0\.0\.1:6002.*which one/);
  });
});

describe('no pool', () => {
  test('on this machine', async () => {
    process.env['XDG_RUNTIME_DIR'] = join(folder.path, 'nothing-here');
    expect(await poolError(connect())).toMatchObject({
      code: 'unavailable',
      message: 'no pool runs on this machine; start one with `offhand server`, or give an address',
    });
  });

  test('at an address nobody listens on, or that ends every connection', async () => {
    const closing: Server = createServer((socket) => socket.destroy());
    const port = await new Promise<number>((resolve) =>
      closing.listen(0, '127.0.0.1', () => resolve((closing.address() as { port: number }).port)),
    );
    const unavailable = { code: 'unavailable', mayHaveRun: false };
    expect(await poolError(connect(`127.0.0.1:${port}`))).toMatchObject(unavailable);
    await new Promise((resolve) => closing.close(resolve));
    const error = await poolError(connect(`127.0.0.1:${port}`));
    expect(error).toMatchObject(unavailable);
    expect(error.message).toMatch(/^no pool answers at 127\.0\.0\.1:\d+; start one with `offhand server`/);
  });

  test('at a name that does not resolve', async () => {
    expect(await poolError(connect('no-such-host.invalid:80'))).toMatchObject({
      code: 'unavailable',
      message:
        'no host is known by the name in no-such-host.invalid:80; check how it is written, or give an IP address',
    });
  });
});

describe('bad input is refused in a sentence', () => {
  const addresses: unknown[] = [
    '',
    'http://localhost:4999',
    'localhost:99999',
    'localhost:0',
    ':4999',
    '::1',
    4999,
    null,
  ];
  test.each(addresses)('the address %p', async (given) => {
    const error = await poolError(connect(given as string));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(/^address: expected HOST:PORT(?: or nats:\/\/…)?, got /);
  });

  const options: [given: unknown, message: RegExp][] = [
    [{ tokn: 'x' }, /^connect: unknown option tokn; there are token, reconnectTimeoutMs, tls$/],
    [{ tls: true }, /^tls: expected an object of options, got true$/],
    [{ tls: { caFile: 'ca.pem' } }, /^tls: unknown option caFile; there are ca, cert, key$/],
    [{ tls: { ca: 'ca.pem' } }, /^tls\.ca: expected a certificate as PEM \(/],
    [{ tls: { ca: ['a', 'b'] } }, /^tls\.ca: expected PEM, as a string or Buffer, got an array$/],
    [{ token: 'two\nlines' }, /token/],
    [{ token: 5 }, /^token: expected .*, got 5$/],
  ];
  test.each(options)('the options %p', async (given, message) => {
    const error = await poolError(connect(address, given as ConnectOptions));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(message);
  });
});
