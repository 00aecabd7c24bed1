import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { connect } from 'offhand';
import { PROTOCOL, VERSION } from '../../src/wire/protocol.js';
import { offhand } from '../support/cli.js';
import { COORDINATOR } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { RawStream } from '../support/streams.js';

const OTHER = { version: '9.8.7', protocol: 99 };

describe('a pool is not spoken to by another protocol', () => {
  const sandbox = new Sandbox();
  let server: TestServer;
  const refusal = {
    code: status.FAILED_PRECONDITION,
    details:
      `this pool runs offhand ${VERSION} (protocol ${PROTOCOL}) and cannot talk to offhand 9.8.7 (protocol 99); ` +
      'install the same version on both sides',
  };
  beforeAll(async () => {
    server = await startServer(sandbox, ['1', '--no-profile']);
  }, 40_000);
  afterAll(async () => {
    await server.stop();
    await sandbox[Symbol.asyncDispose]();
  });

  test('by a client', async () => {
    using caller = server.caller();
    const shaken = new Promise<ServiceError | null>((resolve) => {
      const { path, requestSerialize, responseDeserialize } = COORDINATOR['Handshake']!;
      const codecs = [path, requestSerialize, responseDeserialize] as const;
      caller.client.makeUnaryRequest(...codecs, OTHER, caller.metadata, (error) => resolve(error));
    });
    expect(await shaken).toMatchObject(refusal);
  });

  test('by a worker', async () => {
    using caller = server.caller();
    const stream = new RawStream(caller, 'offhand.v1.Coordinator', 'Attach');
    stream.send({ attach: { ...OTHER, worker_id: 'w', worker: '', joined: true, slots: 1, epochs: [0] } });
    expect(await stream.ended).toMatchObject(refusal);
    expect((await server.status()).workers).toHaveLength(1);
  });
});

test.each([
  [{ host: 'a b', port: 1 }, 'host, port: expected HOST:PORT, got "a b:1"'],
  [{ host: 'a', port: 4_294_967_295 }, 'host, port: expected HOST:PORT, got "a:4294967295"'],
  [{ slot_addresses: [] }, 'slot_addresses: expected one for each of 1 slots, got 0'],
  [{ slot_addresses: ['here'] }, 'slot_addresses[0]: expected HOST:PORT, got "here"'],
])('a worker with %j, which nobody could dial, is not taken on', async (given, details) => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile']);
  using caller = server.caller();
  const stream = new RawStream(caller, 'offhand.v1.Coordinator', 'Attach');
  const fine = { host: '127.0.0.1', port: 1, slots: 1, epochs: [0], slot_addresses: ['127.0.0.1:1'] };
  stream.send({
    attach: { version: VERSION, protocol: PROTOCOL, worker_id: 'w', joined: true, ...fine, ...given },
  });
  expect(await stream.ended).toMatchObject({ code: status.INVALID_ARGUMENT, details });
  expect((await server.status()).workers).toHaveLength(1);
  await server.stop();
});

describe('a pool of another protocol', () => {
  const sandbox = new Sandbox();
  const coordinator = new Server();
  let address: string;
  const words = /runs offhand 9\.8\.7 \(protocol 99\).*install the same version on both sides/;
  beforeAll(async () => {
    const Handshake = (_call: unknown, respond: (error: null, answer: object) => void) =>
      respond(null, { ...OTHER, slots: 1 });
    const { Handshake: definition } = COORDINATOR;
    coordinator.addService({ Handshake: definition! }, { Handshake });
    const port = await new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, at: number) => (error ? reject(error) : resolve(at));
      coordinator.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound);
    });
    address = `127.0.0.1:${port}`;
  });
  afterAll(async () => {
    coordinator.forceShutdown();
    await sandbox[Symbol.asyncDispose]();
  });

  test('is not connected to', async () => {
    const connected = connect(address, { token: 'a-token-that-is-long-enough-for-anything' });
    await expect(connected).rejects.toMatchObject({
      code: 'version-mismatch',
      message: expect.stringMatching(words),
    });
  });

  test('is not joined', async () => {
    await offhand(sandbox, ['token']);
    const { code, stderr } = await offhand(sandbox, ['worker', '--join', address]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(words) });
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
