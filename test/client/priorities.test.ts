import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { connect, type Pool, PoolError } from 'offhand';
import type { Lease } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

// One worker, held by a task until the test has put everything in line.

/** Notes its name, then waits for a file to be there if it was given one. */
const note = (log: string, name: string, gate = '') => {
  const fs = process.getBuiltinModule('node:fs');
  fs.appendFileSync(log, `${name} `);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (gate && !fs.existsSync(gate)) Atomics.wait(pause, 0, 0, 2);
};

let sandbox: Sandbox;
let server: TestServer;
let log: string;
let gate: string;
const clients: Pool[] = [];

const client = async (): Promise<Pool> => {
  const pool = await connect(server.address, { token: server.token });
  clients.push(pool);
  return pool;
};
const noted = (): string => (existsSync(log) ? readFileSync(log, 'utf8').trim() : '');
const whenWaiting = (count: number) =>
  waitFor(`${count} to wait`, async () => (await server.requestsWaiting()) === count);

beforeEach(async () => {
  sandbox = new Sandbox();
  [log, gate] = [sandbox.path('log'), sandbox.path('gate')];
  server = await startServer(sandbox, ['1', '--no-profile', '--http']);
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((pool) => pool.close()));
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

describe('priority', () => {
  test('decides among the calls of a client', async () => {
    const pool = await client();
    const running = pool.run(note, log, 'first', gate);
    await waitFor('it to run', () => noted() === 'first');
    const rest = (
      [
        ['low', -5],
        ['plain', 0],
        ['high', 5],
        ['plain-2', 0],
        ['high-2', 5],
      ] as const
    ).map(([name, priority]) => pool.with({ priority }).run(note, log, name));
    writeFileSync(gate, '');
    await Promise.all([running, ...rest]);
    expect(noted()).toBe('first high high-2 plain plain-2 low');
  });

  test('decides among clients: who is more urgent is served first, and takes over the leases of others', async () => {
    const [a, b, c] = [await client(), await client(), await client()];
    const running = a.run(note, log, 'first', gate);
    await waitFor('it to run', () => noted() === 'first');
    const own = [1, 2, 3].map((n) => a.run(note, log, `a${n}`));
    const low = b.with({ priority: -1 }).run(note, log, 'low');
    await whenWaiting(1);
    const high = c.with({ priority: 9 });
    const items: Promise<void> = (async () => {
      for await (const done of high.map((name: string) => name, ['x'])) expect(done).toBe('x');
    })();
    const urgent = high.run(note, log, 'high');
    await whenWaiting(3); // The lease of a is asked back, so that a waits too.
    writeFileSync(gate, '');
    await Promise.all([running, ...own, low, urgent, items]);
    expect(noted()).toBe('first high a1 a2 a3 low');
  });

  test('reaches FindFreeWorker', async () => {
    using caller = server.caller();
    const held = await caller.findFreeWorker();
    const got: string[] = [];
    const find = async (name: string, priority: number) => {
      const lease = await caller.unary<Lease>('FindFreeWorker', { priority });
      got.push(name);
      await caller.freeWorker(lease);
    };
    const low = find('low', -1);
    await whenWaiting(1);
    const plain = find('plain', 0);
    await whenWaiting(2);
    const high = find('high', 1);
    await whenWaiting(3);
    await caller.freeWorker(held);
    await Promise.all([low, plain, high]);
    expect(got).toEqual(['high', 'plain', 'low']);
  });

  test('is refused in words where it is none', async () => {
    const pool = await client();
    for (const priority of [1.5, 101, -101, '1']) {
      const refused = () => pool.with({ priority: priority as number });
      expect(refused).toThrow(PoolError);
      expect(refused).toThrow(
        `priority: expected a whole number from -100 to 100, got ${JSON.stringify(priority)}`,
      );
    }
    using caller = server.caller();
    await expect(caller.unary('FindFreeWorker', { priority: 101 })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'priority: expected a whole number from -100 to 100, got 101',
    });
  });
});
