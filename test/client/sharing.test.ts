import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connect, type Pool } from 'offhand';
import { CLOCK, lastBeat } from '../support/functions.js';
import { codeRequest, resultOf, runCode } from '../support/rpc.js';
import { killNow, Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';
import { startScript } from './support.js';

// Several clients at one pool: leases that are kept for the next call go to whoever waits.

const clock = () => Number(process.hrtime.bigint() / 1_000_000n);
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Notes that it runs, then waits for a file to be there if it was given one. Tells when it began and ended. */
const work = (log: string, n: number, gate = '') => {
  const fs = process.getBuiltinModule('node:fs');
  const now = () => Number(process.hrtime.bigint() / 1_000_000n);
  const began = now();
  fs.appendFileSync(log, `${n}\n`);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (gate && !fs.existsSync(gate)) Atomics.wait(pause, 0, 0, 2);
  return { n, began, ended: now() };
};

let sandbox: Sandbox;
let server: TestServer;
const clients: Pool[] = [];

const start = async (workers: number) =>
  (server = await startServer(sandbox, [`${workers}`, '--no-profile', '--http']));
const client = async () => {
  const pool = await connect(server.address, { token: server.token });
  clients.push(pool);
  return pool;
};
/** Resolves when so many requests for a lease wait. */
const whenWaiting = (count: number) =>
  waitFor(`${count} to wait`, async () => (await server.requestsWaiting()) === count);
/**
 * Resolves when the worker has heard that it is to hand back. The client says so 5 ms after its lease was asked back, by a timer of
 * this process, which goes before a later and longer one however busy the machine is.
 */
const whenHandedBack = async () => {
  await delay(10);
  // It answers this after what it was asked before.
  for (let round = 0; round < 2; round++) await server.status();
};
const whenBegun = (log: string, count = 1) =>
  waitFor(`${count} to begin`, () => existsSync(log) && linesOf(log).length >= count);
const linesOf = (log: string) => readFileSync(log, 'utf8').trim().split('\n').map(Number);

/** Resolves when nothing runs, nobody waits, and no lease is held. */
const whenQuiet = () =>
  waitFor('the pool to be quiet', async () => {
    const { workers, queue } = await server.status();
    return queue.pending === 0 && workers.every(({ busy, tasks }) => !busy && tasks.length === 0);
  });

beforeEach(() => {
  sandbox = new Sandbox();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((pool) => pool.close()));
  await whenQuiet();
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

describe('a lease that others wait for', () => {
  test('returns what has not begun behind a long task, and goes to them when that ends', async () => {
    await start(1);
    const [a, b] = [await client(), await client()];
    const [log, gate] = [sandbox.path('log'), sandbox.path('gate')];
    await Promise.all(numbers(300).map((n) => a.run(work, sandbox.path('warm'), n)));

    const long = a.run(work, log, -1, gate);
    const queued = numbers(100).map((n) => a.run(work, log, n));
    await whenBegun(log);
    const other = b.run(work, sandbox.path('other'), 0);
    await whenWaiting(2); // A's next lease, for what it took back, and B's.
    await whenHandedBack();
    writeFileSync(gate, '');

    const { ended } = await long;
    const { began } = await within(3_000, 'the other client to be served', other);
    expect(began - ended).toBeLessThan(1_000);
    const results = await Promise.all(queued);
    expect(results.map(({ n }) => n)).toEqual(numbers(100));
    expect(Math.min(...results.map((one) => one.began))).toBeGreaterThanOrEqual(began);
    expect(linesOf(log).sort((one, other) => one - other)).toEqual([-1, ...numbers(100)]);
  });

  test('is given up at once when it idles', async () => {
    await start(1);
    const [a, b] = [await client(), await client()];
    using caller = server.caller();
    const waits = { client: Infinity, caller: Infinity };
    for (let round = 0; round < 10; round++) {
      await a.run(clock);
      let askedAt = performance.now();
      await b.run(clock);
      waits.client = Math.min(waits.client, performance.now() - askedAt);
      askedAt = performance.now();
      const lease = await caller.findFreeWorker();
      waits.caller = Math.min(waits.caller, performance.now() - askedAt);
      await caller.freeWorker(lease);
    }
    // Else an idle lease is kept for 100 ms.
    expect(waits.client).toBeLessThan(50);
    expect(waits.caller).toBeLessThan(50);
  });

  test('goes to a caller of FindFreeWorker again and again while a client floods the pool', async () => {
    await start(2);
    const a = await client();
    using caller = server.caller();
    const flood = async () => {
      let expected = 0;
      const endless = function* () {
        for (let n = 0; n <= 100 || !existsSync(sandbox.path('enough')); n++) yield n;
      };
      for await (const n of a.map((item: number) => item, endless())) expect(n).toBe(expected++);
      return expected;
    };
    const flooding = flood();
    for (let round = 0; round < 8; round++) {
      const lease = await caller.findFreeWorker({ deadlineMs: 3_000 });
      const run = runCode(server.token, lease, codeRequest(lease, '(n) => n', [round]));
      expect(resultOf(await run)).toBe(round);
      await caller.freeWorker(lease);
    }
    writeFileSync(sandbox.path('enough'), '');
    expect(await flooding).toBeGreaterThan(100);
  });

  test('goes to them also while its client is too busy to hear of it', async () => {
    await start(1);
    const [a, log] = [await client(), sandbox.path('log')];
    await a.run(clock);
    const script = startScript('calls-once.mjs', { args: [server.address, server.token, log] });
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const until = performance.now() + 8_000;
    // This thread stands still, and with it all that A could do.
    while (!existsSync(log) && performance.now() < until) Atomics.wait(pause, 0, 0, 5);
    expect(existsSync(log)).toBe(true);
    expect(await a.run((n: number) => n, 1)).toBe(1);
    expect(await script.ended).toMatchObject({ code: 0, err: '' });
  });
});

test('a client that is killed with a thousand tasks under way leaves nothing: no code, no lease, no place in line', async () => {
  await start(2);
  const files = [sandbox.path('beat-1'), sandbox.path('beat-2')];
  const script = startScript('floods.mjs', { args: [server.address, server.token, ...files] });
  try {
    await waitFor('both tasks to run', () => files.every((file) => lastBeat(file)));
    expect((await server.status()).workers.map(({ busy }) => busy)).toEqual([true, true]);
  } finally {
    killNow(script.pid);
  }
  await script.ended;

  using caller = server.caller();
  const leases = [await caller.findFreeWorker({ deadlineMs: 5_000 })];
  leases.push(await caller.findFreeWorker({ deadlineMs: 5_000 }));
  for (const lease of leases) {
    const now = resultOf(await runCode(server.token, lease, codeRequest(lease, CLOCK)));
    for (const file of files) expect(lastBeat(file)).toBeLessThan(BigInt(String(now)));
    await caller.freeWorker(lease);
  }
  await whenQuiet();
  expect((await server.status()).workers).toHaveLength(2);
});
