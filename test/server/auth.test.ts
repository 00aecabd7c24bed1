import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, type ServiceError, status } from '@grpc/grpc-js';
import { ValueServer } from '../../src/client/value-server.js';
import { Caller, loadService, type Method, type Service, SERVICES } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const health = loadService(
  join(modules, 'grpc-health-check', 'proto'),
  'health/v1/health.proto',
  'grpc.health.v1.Health',
);
const reflection = loadService(
  join(modules, '@grpc', 'reflection', 'build', 'proto'),
  'grpc/reflection/v1/reflection.proto',
  'grpc.reflection.v1.ServerReflection',
);

const sandbox = new Sandbox();
let server: TestServer;
let values: ValueServer;
/** Where each service of the contract is served. */
let addresses: Map<string, string>;

beforeAll(async () => {
  server = await startServer(sandbox, ['1', '--no-profile']);
  values = new ValueServer({ token: server.token });
  const worker = `127.0.0.1:${server.workerPorts.get('worker-1')}`;
  addresses = new Map([
    ['offhand.v1.Coordinator', server.address],
    ['offhand.v1.Queue', server.address],
    ['offhand.v1.Worker', worker],
    ['offhand.v1.Slot', slotAddress()],
    ['offhand.v1.Values', await valuesAddress()],
  ]);
}, 40_000);

/** Where the only slot of the pool listens. */
function slotAddress(): string {
  const folder = join(String(sandbox.env['XDG_RUNTIME_DIR']), 'offhand');
  const socket = readdirSync(folder).find((name) => name.endsWith('.sock'));
  return `unix:${join(folder, String(socket))}`;
}

/** Where a client with this pool's token hands out its large arguments. */
async function valuesAddress(): Promise<string> {
  await values.open();
  return String(values.offer({ encoding: 'V8', data: new Uint8Array(1) })?.address);
}

/** Where health checking and reflection are served too: slots and clients have no use for them. */
const standard = () => [...addresses].filter(([name]) => !/Slot|Values/.test(name)).map(([, at]) => at);

afterAll(async () => {
  values.close();
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

/** Calls any method, whatever its form, and tells the status it ends with; for streams also OK at the first answer. */
function statusOf(caller: Caller, method: Method, request: object = {}): Promise<status> {
  const client: Client = caller.client;
  const { path, requestSerialize, responseDeserialize } = method;
  const options = { deadline: Date.now() + 5_000 };
  return new Promise((resolve) => {
    const done = (error: ServiceError | null) => resolve(error ? error.code : status.OK);
    const codecs = [path, requestSerialize, responseDeserialize] as const;
    if (method.requestStream) {
      const stream = method.responseStream
        ? client.makeBidiStreamRequest(...codecs, caller.metadata, options)
        : client.makeClientStreamRequest(...codecs, caller.metadata, options, done);
      stream.on('error', done);
      stream.on('data', () => done(null));
      stream.write(request);
    } else if (method.responseStream) {
      const stream = client.makeServerStreamRequest(...codecs, request, caller.metadata, options);
      stream.on('error', done);
      stream.on('data', () => done(null));
    } else client.makeUnaryRequest(...codecs, request, caller.metadata, options, done);
  });
}

async function statusAt(address: string, service: Service, method: Method, token?: string, request?: object) {
  using caller = new Caller(address, service, { token });
  return await statusOf(caller, method, request);
}

const methods = [...SERVICES].flatMap(([name, service]) =>
  Object.entries(service).map(([method, definition]) => ({ name, service, method, definition })),
);

describe('the token', () => {
  test('is asked for by every service of the contract', () => {
    expect([...SERVICES.keys()].sort()).toEqual([...addresses.keys()].sort());
    expect(methods.length).toBeGreaterThanOrEqual(8);
  });

  test.each(methods)('$name/$method is UNAUTHENTICATED without it and with a wrong one', async (each) => {
    const address = addresses.get(each.name) ?? '';
    const wrong = [
      undefined,
      'wrong',
      '',
      server.token.slice(1),
      `${server.token}x`,
      server.token.toLowerCase(),
    ];
    const statuses = wrong.map((token) => statusAt(address, each.service, each.definition, token));
    expect(await Promise.all(statuses)).toEqual(wrong.map(() => status.UNAUTHENTICATED));
  });

  test('is not needed for health checks', async () => {
    for (const address of standard()) {
      for (const definition of Object.values(health)) {
        expect(await statusAt(address, health, definition, undefined, { service: '' })).toBe(status.OK);
      }
    }
  });

  test('is needed for reflection', async () => {
    for (const address of standard()) {
      for (const definition of Object.values(reflection)) {
        const listServices = { list_services: '', listServices: '' };
        expect(await statusAt(address, reflection, definition, undefined, listServices)).toBe(
          status.UNAUTHENTICATED,
        );
        expect(await statusAt(address, reflection, definition, server.token, listServices)).toBe(status.OK);
      }
    }
  });

  test('left the pool as it was', async () => {
    const { workers } = await server.status();
    expect(workers).toEqual([expect.objectContaining({ worker: 'worker-1', phase: 'running', busy: false })]);
  });
});
