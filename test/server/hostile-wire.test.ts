import type { IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ValueServer } from '../../src/client/direct/value-server.js';
import { seeded } from '../core/seeded.js';
import { codeRequest, resultOf, runCode, SERVICES } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

/** How many connections at once: `OFFHAND_CONNECTIONS=10000` for the long form. */
const CONNECTIONS = Number(process.env['OFFHAND_CONNECTIONS'] ?? 1_000);

const sandbox = new Sandbox();
const random = seeded(7);
let server: TestServer;
/** Where a client hands out its large arguments. */
let values: ValueServer;
let valuesSocket: string;

beforeAll(async () => {
  server = await startServer(sandbox, ['1', '--no-profile', '--http']);
  values = new ValueServer({ token: server.token });
  await values.open();
  const { address } = values.offer({ encoding: 'V8', data: new Uint8Array(1) }) ?? {};
  valuesSocket = String(address).slice('unix:'.length);
}, 40_000);
afterAll(async () => {
  values.close();
  expect(await server.stop()).toMatchObject({ code: 0 });
  await sandbox[Symbol.asyncDispose]();
});

/** Every door of the pool: what listens there, and where. */
function doors(): { service: string; dial: () => Socket }[] {
  const worker = Number(server.workerPorts.get('worker-1'));
  const folder = join(String(sandbox.env['XDG_RUNTIME_DIR']), 'offhand');
  const slot = join(folder, String(readdirSync(folder).find((name) => name.endsWith('.sock'))));
  return [
    { service: 'offhand.v1.Coordinator', dial: () => connect(server.port, '127.0.0.1') },
    { service: 'offhand.v1.Worker', dial: () => connect(worker, '127.0.0.1') },
    { service: 'offhand.v1.Slot', dial: () => connect(slot) },
    { service: 'offhand.v1.Values', dial: () => connect(valuesSocket) },
  ];
}

/** The same processes as before still run code, and nobody has to wait for it. */
async function expectServing(): Promise<void> {
  using caller = server.caller();
  const lease = await caller.findFreeWorker({ deadlineMs: 8_000 });
  expect(resultOf(await runCode(server.token, lease, codeRequest(lease, '() => 6 * 7')))).toBe(42);
  await caller.freeWorker(lease);
}

async function pidsOf(): Promise<number[]> {
  return (await server.status()).workers.map(({ pid }) => pid);
}

function randomBytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined); // Being hung up on is what it is about.
    socket.on('close', () => resolve());
    socket.resume();
  });
}

describe.each([0, 1, 2, 3])('door %i', (index) => {
  const door = () => doors()[index] as ReturnType<typeof doors>[number];

  test('what is no HTTP/2 is hung up on', async () => {
    const before = await pidsOf();
    const openings = [
      'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
      ...[1, 24, 1_000, 65_536].map((length) => randomBytes(length)),
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), randomBytes(4_096)]),
    ];
    for (const opening of openings) {
      const socket = door().dial();
      const closed = whenClosed(socket);
      socket.end(opening);
      await within(5_000, 'the connection to close', closed);
    }
    await expectServing();
    expect(await pidsOf()).toEqual(before);
  });

  test('every call with a damaged message ends, with or without the token', async () => {
    const before = await pidsOf();
    const { service, dial } = door();
    for (const token of [server.token, 'wrong']) {
      const session = connectHttp2('http://localhost', { createConnection: dial });
      session.on('error', () => undefined);
      for (const name of Object.keys(SERVICES.get(service) ?? {})) {
        // A line that nobody leaves is no damage, and Stop means it.
        if (name === 'FindFreeWorker' || name === 'Stop') continue;
        for (const body of damaged()) {
          const status = await within(8_000, `${service}/${name}`, call(session, service, name, token, body));
          if (token === 'wrong') expect(status).toBe('16');
        }
      }
      session.destroy();
    }
    await expectServing();
    expect(await pidsOf()).toEqual(before);
  });

  test('headers beyond all measure are refused', async () => {
    const session = connectHttp2('http://localhost', {
      createConnection: door().dial,
      maxSendHeaderBlockLength: 1e6,
    });
    session.on('error', () => undefined);
    const status = call(session, door().service, 'GetState', 'x'.repeat(200_000), Buffer.alloc(5));
    expect(await within(5_000, 'a refusal', status)).not.toBe('0');
    session.destroy();
    await expectServing();
  });
});

test('what is no HTTP is refused by the HTTP service too, and what falls silent holds nobody up', async () => {
  const { port } = new URL(server.http);
  const before = await pidsOf();
  const dial = () => connect(Number(port), '127.0.0.1');
  const silent = [
    '',
    'GET / HT',
    'POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{',
  ];
  const sockets = silent.map((opening) => {
    const socket = dial();
    socket.on('error', () => undefined); // It is destroyed below.
    socket.write(opening);
    return socket;
  });
  const openings = [
    ...[1, 24, 1_000, 65_536].map((length) => randomBytes(length)),
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`,
  ];
  for (const opening of openings) {
    const socket = dial();
    let answer = '';
    socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
    const closed = whenClosed(socket);
    socket.end(opening);
    await within(5_000, 'the connection to close', closed);
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
  }
  expect((await fetch(`${server.http}/healthz`)).status).toBe(200);
  for (const socket of sockets) socket.destroy();
  await expectServing();
  expect(await pidsOf()).toEqual(before);
});

test('a session that asks for more workers of its own than there can be holds nobody up', async () => {
  using caller = server.caller();
  const session = SERVICES.get('offhand.v1.Coordinator')?.['Session'];
  if (!session) throw new Error('the contract has no Session');
  const { path, requestSerialize, responseDeserialize } = session;
  const stream = caller.client.makeBidiStreamRequest(
    ...([path, requestSerialize, responseDeserialize] as const),
    caller.metadata,
  );
  stream.on('error', () => undefined); // It is cancelled below.
  const answered = new Promise((resolve) => stream.once('data', resolve));
  stream.write({ alone: 100_000 });
  await answered;
  await within(5_000, 'the status', server.status());
  stream.cancel();
  await expectServing();
});

test('connections that say nothing, or begin and fall silent, keep nobody else from being served', async () => {
  const before = await pidsOf();
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const sockets: Socket[] = [];
  for (let index = 0; index < CONNECTIONS; index++) {
    const socket = (doors()[index % 2] as ReturnType<typeof doors>[number]).dial();
    socket.on('error', () => undefined);
    if (index % 3 === 0) socket.write(preface);
    if (index % 3 === 1) socket.write(preface.subarray(0, 10));
    sockets.push(socket);
    if (index % 100 === 99) await new Promise((resolve) => socket.once('connect', resolve));
  }
  const held = rssOf(server.pid);
  await expectServing();
  for (const socket of sockets) socket.destroy();
  await expectServing();
  expect(await pidsOf()).toEqual(before);
  // A connection that is held costs some kB; megabytes of each would be an invitation.
  expect(held).toBeLessThan(250e6 + CONNECTIONS * 50e3);
}, 120_000);

function rssOf(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** What a call may carry in place of a message. */
function damaged(): Buffer[] {
  const frame = (flag: number, length: number, data: Buffer) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(flag);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, data]);
  };
  const noise = randomBytes(64);
  return [
    Buffer.from([1, 2]), // Not even the head of a frame.
    frame(0, 4_294_967_295, noise), // A length that never comes.
    frame(1, noise.length, noise), // Compressed, it says.
    frame(0, noise.length, noise),
    frame(0, 3, Buffer.from([0xff, 0xff, 0xff])), // An endless varint.
  ];
}

/** The grpc-status that a call ends with; `none` when the stream was reset. */
function call(
  session: ClientHttp2Session,
  service: string,
  name: string,
  token: string,
  body: Buffer,
): Promise<string> {
  return new Promise((resolve) => {
    if (session.destroyed || session.closed) {
      resolve('none');
      return;
    }
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: `/${service}/${name}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${token}`,
    });
    let status = 'none';
    const note = (headers: IncomingHttpHeaders) => {
      status = String(headers['grpc-status'] ?? status);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => undefined);
    stream.on('close', () => resolve(status));
    stream.resume();
    stream.end(body);
  });
}

test('a caller that goes away in the middle of a message leaves nothing behind', async () => {
  const session = connectHttp2('http://localhost', { createConnection: doors()[0]?.dial });
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/offhand.v1.Coordinator/FindFreeWorker',
    'content-type': 'application/grpc',
    authorization: `Bearer ${server.token}`,
  });
  stream.on('error', () => undefined);
  stream.write(Buffer.from([0, 0, 0, 0, 100, 1]));
  session.destroy();
  await waitFor('the line to be empty', async () => (await server.status()).queue.pending === 0);
  await expectServing();
});
