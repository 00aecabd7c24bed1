import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { connect, type Pool } from 'offhand';
import { Captures } from '../../src/client/shipping/captures.js';
import { openModule } from '../../src/client/modules/open-module.js';
import { remoteModule } from '../../src/client/modules/remote-module.js';
import { idOf } from '../../src/wire/functions/function-id.js';
import { joinSetups, setupPart } from '../../src/wire/functions/setup.js';
import type { ShippedFunction } from '../../src/wire/functions/source.js';
import { encodePayload } from '../../src/wire/values/payload.js';
import { poolError } from '../client/support.js';
import { type Finished, offhand } from '../support/cli.js';
import { join, TestCrew } from '../support/crew.js';
import { HttpCaller } from '../support/http-caller.js';
import { Caller, codeRequest, jsonPayload, runCode, resultOf, SERVICES } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { RawSession, RawSlot, type TaskOutcomes } from '../support/streams.js';

const ADD = '(a, b) => a + b';
const MODULE = `
export const double = (n) => 2 * n;
export const keep = (value) => void (globalThis.kept = value);
export const kept = () => globalThis.kept;
export async function* count(n) { for (let i = 0; i < n; i++) yield i; }
`;
const NAMED = ['--code', 'named', '--functions', 'functions.json'];
/** Not registered. */
const triple = (n: number) => 3 * n;

type Module = {
  double: (n: number) => number;
  keep: (value: string) => void;
  kept: () => string;
  count: (n: number) => AsyncGenerator<number>;
};

let sandbox: Sandbox;
let server: TestServer;
let pool: Pool;
let module: Pick<Module, keyof Module>;
/** As a program ships it. */
let shipped: ShippedFunction;

const allow = (...args: string[]): Promise<Finished> => offhand(sandbox, ['allow', ...args]);
const cli = (...args: string[]) => offhand(sandbox, [...args, '--address', server.address]);

beforeAll(async () => {
  sandbox = new Sandbox();
  writeFileSync(sandbox.path('m.mjs'), MODULE);
  writeFileSync(sandbox.path('add.js'), ADD);
  for (const name of ['double', 'keep', 'kept', 'count'])
    expect((await allow(`m.mjs#${name}`)).stdout).toMatch(`functions.json: ${name} may run (sha256 `);
  await allow('add.js', '--source');
  server = await startServer(sandbox, ['1', '--no-profile', '--http', ...NAMED]);
  pool = await connect(server.address, { token: server.token });
  module = (await pool.module(`file://${sandbox.path('m.mjs')}`)) as never;
  const bundle = await openModule(sandbox.path('m.mjs'), {});
  shipped = Captures.none.ship((remoteModule(bundle) as Module).double);
}, 60_000);
afterAll(async () => {
  await pool.close();
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

const refusal = {
  code: 'not-allowed',
  message: expect.stringMatching(/`triple` \(sha256 [0-9a-f]{64}\) is none of them: offhand allow/),
};

describe('a pool that runs registered functions only', () => {
  test('says so, in its greeting and its status', async () => {
    expect(server.stdout).toMatch('code         registered functions only, those of functions.json');
    expect((await cli('status')).stdout).toMatch('registered functions only');
    expect(JSON.parse((await cli('status', '--json')).stdout)).toMatchObject({ code: 'named' });
  });

  test('runs these, however they are called', async () => {
    expect(await pool.run(module.double, 2)).toBe(4);
    expect(await pool.with({ isolate: true }).run(module.double, 3)).toBe(6);
    const mapped: number[] = [];
    for await (const one of pool.map(module.double, [1, 2, 3])) mapped.push(one);
    expect(mapped).toEqual([2, 4, 6]);
    const streamed: number[] = [];
    for await (const one of pool.stream(module.count, 3)) streamed.push(one);
    expect(streamed).toEqual([0, 1, 2]);
    expect(await pool.broadcast(module.double, 4)).toMatchObject([{ status: 'fulfilled', value: 8 }]);
    expect(await (await pool.submit(module.double, [5])).result()).toBe(10);
    expect((await cli('run', 'm.mjs#double', '6')).stdout).toBe('12\n');
    using caller = server.caller();
    const lease = await caller.findFreeWorker();
    expect(resultOf(await runCode(server.token, lease, codeRequest(lease, ADD, [1, 2])))).toBe(3);
    await caller.freeWorker(lease);
    const http = new HttpCaller(server.http, server.token);
    expect((await http.result(await http.submit(ADD, [3, 4]))).body).toMatchObject({ result: 7 });
  });

  test('runs them after registered setups, with any arguments, and writes any result as JSON', async () => {
    const prepared = pool.with({});
    await prepared.setup(module.keep, 'from a setup');
    expect(await prepared.run(module.kept)).toBe('from a setup');
    const handle = await prepared.submit(module.kept, []);
    expect(await handle.result()).toBe('from a setup');
    const { body } = await new HttpCaller(server.http, server.token).result(handle.id);
    expect(body).toMatchObject({ result: 'from a setup' });
  });

  test('runs nothing else, however it is called, and does not try again', async () => {
    const eager = pool.with({ retries: 3 });
    expect(await poolError(eager.run(triple, 1))).toMatchObject({ ...refusal, mayHaveRun: false });
    expect(await poolError(eager.with({ isolate: true }).run(triple, 1))).toMatchObject(refusal);
    expect(
      await poolError(
        (async () => {
          for await (const one of eager.map(triple, [1, 2])) expect(one).toBeUndefined();
        })(),
      ),
    ).toMatchObject(refusal);
    expect(await pool.broadcast(triple, 1)).toMatchObject([{ status: 'rejected', reason: refusal }]);
    expect(await poolError(pool.submit(triple, [1]))).toMatchObject(refusal);
    using caller = server.caller();
    const lease = await caller.findFreeWorker();
    await expect(runCode(server.token, lease, codeRequest(lease, '() => 1'))).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringMatching('is none of them'),
    });
    await caller.freeWorker(lease);
    const ran = await cli('run', 'm.mjs#double', '1');
    expect(ran.code).toBe(0);
    writeFileSync(sandbox.path('other.mjs'), 'export const triple = (n) => 3 * n;');
    expect(await cli('run', 'other.mjs#triple', '1')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching('`triple`'),
    });
  });

  test('runs no setup that is not registered', async () => {
    const prepared = pool.with({});
    await prepared.setup(triple, 1);
    expect(await poolError(prepared.run(module.double, 1))).toMatchObject({
      code: 'not-allowed',
      message: expect.stringMatching('`setup triple`'),
    });
    expect(await pool.run(module.double, 1)).toBe(2);
  });

  test('answers 403 over HTTP, by either way in', async () => {
    const http = new HttpCaller(server.http, server.token);
    const answer = { status: 403, body: { code: 'not-allowed' } };
    expect(await http.ask('/v1/tasks', { body: { source: '() => 1' } })).toMatchObject(answer);
    const task = JSON.stringify({ offhand: 1, source: '() => 1', arguments: [] });
    expect(await http.ask('/submit_task', { body: { task } })).toMatchObject(answer);
  });
});

/** What writes a file as soon as it is loaded. */
const marking = (file: string) =>
  Buffer.from(`require('node:fs').writeFileSync(${JSON.stringify(file)}, ''); exports.double = (n) => n;`);

describe('a client that lies', () => {
  const failures: TaskOutcomes[][] = [];

  async function ask(...tasks: object[]): Promise<TaskOutcomes[]> {
    using session = new RawSession(server.address, server.token);
    const [lease] = await session.take(1);
    using slot = new RawSlot(String(lease?.slot_address), server.token);
    const outcomes = await slot.ask(
      {
        lease_id: lease?.lease_id,
        tasks: tasks.map((task, index) => ({ ...task, number: index + 1, count: 1 })),
      },
      tasks.length,
    );
    failures.push(outcomes);
    return outcomes;
  }
  const call = (source: string, parts: object[], more: object = {}) => ({
    source,
    parts,
    name: 'double',
    arguments: jsonPayload([1]),
    ...more,
  });
  const refused = { failure: { code: 'not-allowed' } };

  test('has nothing run that it sends beside a registered source', async () => {
    const file = sandbox.path('evil-part');
    const evil = { kind: 'MODULE', data: marking(file), name: 'm.mjs' };
    expect(
      await ask(call(shipped.source, [evil]), call(shipped.source, [evil], { isolate: true })),
    ).toMatchObject([refused, refused]);
    using queue = new Caller(server.address, SERVICES.get('offhand.v1.Queue') as never, {
      token: server.token,
    });
    await expect(
      queue.unary('Submit', {
        functions: [{ source: shipped.source, parts: [evil] }],
        tasks: [{ function_id: shipped.id, arguments: jsonPayload([1]) }],
      }),
    ).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    // What is registered runs in that thread as before.
    expect(await pool.run(module.double, 4)).toBe(8);
    expect(existsSync(file)).toBe(false);
  });

  test('has nothing run inside a setup, whatever hash it gives it', async () => {
    const file = sandbox.path('evil-setup');
    const [part] = shipped.parts;
    if (!part) throw new Error('a function of a module comes with that');
    const args = encodePayload([1], 'V8', 'arguments').data;
    const evil = [
      { source: shipped.source, parts: [{ ...part, data: marking(file) }] },
      { source: `() => require('node:fs').writeFileSync(${JSON.stringify(file)}, '')`, parts: [] },
    ];
    for (const { source, parts } of evil) {
      const setup = setupPart({ source, parts, args, name: 'x', timeoutMs: undefined });
      const joined = joinSetups(shipped, [setup]);
      const sent = joined.parts.map(({ kind, name, data }) => ({ kind, name, data: Buffer.from(data) }));
      expect(await ask(call(joined.source, sent))).toMatchObject([refused]);
    }
    expect(existsSync(file)).toBe(false);
  });

  test('has no code run by giving it for a hash', async () => {
    const file = sandbox.path('evil-hash');
    const code = `${'0'.repeat(64)}\nrequire('node:fs').writeFileSync(${JSON.stringify(file)}, '');\n//`;
    const [part] = shipped.parts;
    const joined = joinSetups(shipped, [
      { kind: 'SETUP', id: code, name: '', data: Buffer.of(), remedy: '' },
    ]);
    const sent = [
      { kind: 'MODULE', data: Buffer.from(part?.data ?? ''), name: 'm' },
      { kind: 'SETUP', id: code },
    ];
    expect(await ask(call(joined.source, sent))).toMatchObject([refused]);
    expect(existsSync(file)).toBe(false);
  });

  test('hears by id alone of nothing that does not run', async () => {
    expect(await ask({ function_id: idOf('() => 1'), arguments: jsonPayload([]) })).toMatchObject([
      { failure: { code: 'code-unknown' } },
    ]);
    using queue = new Caller(server.address, SERVICES.get('offhand.v1.Queue') as never, {
      token: server.token,
    });
    await expect(
      queue.unary('Submit', { tasks: [{ function_id: idOf('() => 1'), arguments: jsonPayload([]) }] }),
    ).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });
});

test('what is in the store from a pool that ran anything does not run, and is not run again', async () => {
  await using own = new Sandbox();
  copyFileSync(sandbox.path('functions.json'), own.path('functions.json'));
  const store = ['1', '--no-profile', '--store', 'file:queue'];
  const before = await startServer(own, store);
  const one = await connect(before.address, { token: before.token });
  const { id } = await one.submit(triple, [1], { requires: ['later'] });
  await one.close();
  await before.stop();
  const after = await startServer(own, [...store, '--tag', 'later', ...NAMED]);
  await using two = await connect(after.address, { token: after.token });
  expect(await poolError(two.task(id).result())).toMatchObject(refusal);
  expect(await two.task(id).details()).toMatchObject({ state: 'failed', failure: { code: 'not-allowed' } });
  expect(await poolError(two.task(id).retry())).toMatchObject(refusal);
}, 60_000);

describe('a worker that joins', () => {
  const tryToJoin = async (at: TestServer, ...flags: string[]) => {
    const ports = ['--worker-ports', '33001-33040'];
    const crew = new TestCrew(sandbox, ['--join', at.address, ...ports, ...flags]);
    return { ...(await crew.ended), stderr: crew.stderr };
  };

  test('has to have the list of its pool', async () => {
    const crew = await join(server, NAMED);
    crew.signal('SIGTERM');
    expect(await crew.ended).toMatchObject({ code: 0 });
    expect(await tryToJoin(server)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        "registered functions only, and this worker any: start it with --code named, and --functions with a copy of the server's file",
      ),
    });
    await allow('add.js', '--source', '--functions', 'less.json');
    expect(await tryToJoin(server, '--code', 'named', '--functions', 'less.json')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching('those of another list'),
    });
  }, 60_000);

  test('has to run anything where its pool does', async () => {
    await using own = new Sandbox();
    const any = await startServer(own, ['1', '--no-profile']);
    const crew = ['--join', any.address, '--worker-ports', '33041-33080', ...NAMED];
    const refused = new TestCrew(sandbox, crew, { OFFHAND_TOKEN: any.token });
    expect(await refused.ended).toMatchObject({ code: 1 });
    expect(refused.stderr).toMatch('this pool runs any function, and this worker registered ones only');
  }, 60_000);
});
