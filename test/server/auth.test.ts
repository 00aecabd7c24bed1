import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, type ServiceError, status } from '@grpc/grpc-js';
import { connect } from '../../src/client/connect.js';
import { offhand } from '../support/cli.js';
import { Caller, DISCOVERY, loadService, type Method, type Service, SERVICES } from '../support/rpc.js';
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
const tokens = { readOnly: '', replaced: '', replacedReadOnly: '' };
let server: TestServer;
/** Where each service of the contract is served. */
let addresses: Map<string, string>;

/** All that the read-only token is good for. */
const READ = [
  'offhand.v1.Coordinator/GetCluster',
  'offhand.v1.Coordinator/GetStatus',
  'offhand.v1.Coordinator/Handshake',
  'offhand.v1.Queue/Explain',
  'offhand.v1.Queue/Get',
  'offhand.v1.Queue/List',
  'offhand.v1.Queue/Logs',
  'offhand.v1.Queue/Result',
  'offhand.v1.Queue/Watch',
  'offhand.v1.Worker/GetState',
];

beforeAll(async () => {
  const print = async (...flags: string[]) => (await offhand(sandbox, ['token', ...flags])).stdout.trim();
  tokens.replaced = await print();
  tokens.replacedReadOnly = await print('--read-only');
  await print('--new');
  tokens.readOnly = await print('--read-only');
  server = await startServer(sandbox, ['1', '--no-profile']);
  const worker = `127.0.0.1:${server.workerPorts.get('worker-1')}`;
  addresses = new Map([
    ['offhand.v1.Coordinator', server.address],
    ['offhand.v1.Queue', server.address],
    ['offhand.v1.Worker', worker],
    ['offhand.v1.Slot', slotAddress()],
  ]);
}, 40_000);

/** Where the only slot of the pool listens. */
function slotAddress(): string {
  const folder = join(String(sandbox.env['XDG_RUNTIME_DIR']), 'offhand');
  const socket = readdirSync(folder).find((name) => name.endsWith('.sock'));
  return `unix:${join(folder, String(socket))}`;
}

/** Where health checking and reflection are served too: slots have no use for them. */
const standard = () => [...addresses].filter(([name]) => !/Slot/.test(name)).map(([, at]) => at);

afterAll(async () => {
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

  test.each(methods)(
    '$name/$method is UNAUTHENTICATED without it, with a wrong one and with a replaced one',
    async (each) => {
      const address = addresses.get(each.name) ?? '';
      const wrong = [
        undefined,
        'wrong',
        '',
        server.token.slice(1),
        `${server.token}x`,
        server.token.toLowerCase(),
        tokens.replaced,
        tokens.replacedReadOnly,
      ];
      const statuses = wrong.map((token) => statusAt(address, each.service, each.definition, token));
      expect(await Promise.all(statuses)).toEqual(wrong.map(() => status.UNAUTHENTICATED));
    },
  );

  test('may be the read-only one for what only reads, and for nothing else', async () => {
    const found = methods.map(async ({ name, service, method, definition }) => {
      // Answered at once, that nobody knows it.
      const request = method === 'Watch' ? { follow: [{ task_id: '0'.repeat(16) }] } : {};
      const address = addresses.get(name) ?? '';
      const result = await statusAt(address, service, definition, tokens.readOnly, request);
      return { method: `${name}/${method}`, result };
    });
    const all = await Promise.all(found);
    const refused = all.filter(({ result }) => result === status.PERMISSION_DENIED);
    const others = all.filter(({ result }) => result !== status.PERMISSION_DENIED);
    expect(others.map(({ method }) => method).sort()).toEqual(READ);
    expect(refused.length).toBe(methods.length - READ.length);
    const odd = [status.UNAUTHENTICATED, status.DEADLINE_EXCEEDED, status.INTERNAL, status.UNKNOWN];
    expect(others.filter(({ result }) => odd.includes(result))).toEqual([]);
  });

  test('is not sent to be discovered', async () => {
    for (const definition of Object.values(DISCOVERY)) {
      const result = await statusAt(server.address, DISCOVERY, definition);
      expect([status.UNAUTHENTICATED, status.PERMISSION_DENIED]).not.toContain(result);
    }
  });

  test('that is read-only looks at a pool, and runs nothing there', async () => {
    await using pool = await connect(server.address, { token: tokens.readOnly });
    for await (const task of pool.tasks()) expect(task).toBeUndefined(); // There are none.
    const refusal = { code: 'permission-denied', message: expect.stringContaining('read-only token') };
    await expect(pool.run(() => 1)).rejects.toMatchObject(refusal);
    await expect(pool.submit(() => 1, [])).rejects.toMatchObject(refusal);
    const seen = await offhand(sandbox, ['status', '--address', server.address], {
      OFFHAND_TOKEN: tokens.readOnly,
    });
    expect(seen).toMatchObject({ code: 0, stderr: '' });
    const stop = await offhand(sandbox, ['stop', '--address', server.address], {
      OFFHAND_TOKEN: tokens.readOnly,
    });
    expect(stop).toMatchObject({ code: 1, stderr: expect.stringContaining('read-only token') });
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
        for (const token of [server.token, tokens.readOnly])
          expect(await statusAt(address, reflection, definition, token, listServices)).toBe(status.OK);
      }
    }
  });

  test('left the pool as it was', async () => {
    const { workers } = await server.status();
    expect(workers).toEqual([expect.objectContaining({ worker: 'worker-1', phase: 'running', busy: false })]);
  });
});
