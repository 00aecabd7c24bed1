import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type ServiceError, status } from '@grpc/grpc-js';
import { BEAT, CLOCK, lastBeat, SLEEP } from '../support/functions.js';
import { PoolFixture } from '../support/pool.js';
import {
  Caller,
  codeRequest,
  jsonPayload,
  resultOf,
  type RunCodeResponse,
  type StatusDocument,
  WORKER,
} from '../support/rpc.js';
import { keepalivesOfPort } from '../support/sockets.js';
import { waitFor } from '../support/wait.js';

const pool = new PoolFixture(['2', '--no-profile']);

describe('a client that knows proto/ alone', () => {
  test('finds a free worker, runs code with JSON, and frees the worker', async () => {
    const lease = await pool.take();
    expect(lease).toMatchObject({ worker: expect.stringMatching(/^worker-[12]$/), host: '127.0.0.1' });
    expect(resultOf(await pool.run(lease, '(a, b) => a + b', [2, 3]))).toBe(5);
    expect(
      resultOf(await pool.run(lease, 'async function twice(list) { return list.concat(list); }', [[1]])),
    ).toEqual([1, 1]);
    await pool.caller.freeWorker(lease);
  });

  test('is told in words what a function threw', async () => {
    const lease = await pool.take();
    const { failure } = await pool.run(lease, '() => { throw new RangeError("too far"); }');
    expect(failure).toMatchObject({
      code: 'thrown',
      name: 'RangeError',
      message: 'too far',
      may_have_run: true,
    });
  });

  test('is told which field of a request is wrong', async () => {
    const lease = await pool.take();
    const refusals: [object, RegExp][] = [
      [{ lease_id: lease.lease_id, arguments: jsonPayload([]) }, /function.*source or function_id/],
      [{ lease_id: lease.lease_id, source: '() => 1' }, /arguments\.encoding/],
      [codeRequest({ lease_id: '' }, '() => 1'), /lease_id/],
      [{ ...codeRequest(lease, '() => 1'), limits: { timeout_ms: -1 } }, /limits\.timeout_ms/],
      [
        { ...codeRequest(lease, '() => 1'), arguments: jsonPayload({ a: 1 }) },
        /arguments: expected an array/,
      ],
      [
        { ...codeRequest(lease, '() => 1'), arguments: { encoding: 'JSON', data: Buffer.from('[1,') } },
        /JSON.*cannot be decoded/,
      ],
    ];
    for (const [request, words] of refusals) {
      await expect(pool.send(lease, request)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: expect.stringMatching(words),
      });
    }
    await expect(pool.run(lease, 'nonsense (')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(pool.run(lease, '({ not: "a function" })')).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test('gets RESOURCE_EXHAUSTED for a request that is too large, and a failure for such a result', async () => {
    const source = '(text) => "x".repeat(257 * 2 ** 20)';
    const data = Buffer.alloc(289 * 2 ** 20, 32);
    const first = await pool.take();
    const request = { ...codeRequest(first, source), arguments: { encoding: 'JSON', data } };
    await expect(pool.send(first, request)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    // Sending as much takes a busy machine as long as an unused lease lives.
    await pool.caller.freeWorker(first);
    const lease = await pool.take();
    const { failure } = await pool.run(lease, source, ['short']);
    expect(failure).toMatchObject({
      code: 'too-large',
      may_have_run: true,
      message: expect.stringMatching(/^the result: 257 MiB, and at most 256 MiB can be sent/),
    });
    expect(resultOf(await pool.run(lease, '() => 1'))).toBe(1);
  });

  test('sends a function once and its hash afterwards', async () => {
    const lease = await pool.take();
    const source = `() => ${JSON.stringify(randomUUID())}`;
    const function_id = createHash('sha256').update(source).digest('hex');
    const byHash = { lease_id: lease.lease_id, function_id, arguments: jsonPayload([]) };
    const refusal = await pool.send(lease, byHash).catch((error: unknown) => error as ServiceError);
    expect(refusal).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect((refusal as ServiceError).metadata.get('offhand-code')).toEqual(['code-unknown']);
    const first = resultOf(await pool.run(lease, source));
    expect(resultOf(await pool.send(lease, byHash))).toBe(first);
  });
});

describe('FindFreeWorker', () => {
  test('waits until a worker is free', async () => {
    const first = await pool.take();
    await pool.take();
    const third = pool.take();
    await waitFor('the call to wait', async () => (await pool.waiting()) === 1);
    await pool.caller.freeWorker(first);
    expect(await third).toMatchObject({ worker: first.worker });
  });

  test("waits no longer than the caller's deadline", async () => {
    await pool.take();
    await pool.take();
    await expect(pool.take({ deadlineMs: 300 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await waitFor('the call to leave the line', async () => (await pool.waiting()) === 0);
  });

  test('serves the next in line when the first one goes away', async () => {
    const first = await pool.take();
    await pool.take();
    const abort = new AbortController();
    const gone = pool.caller.findFreeWorker({ signal: abort.signal }).catch((error: unknown) => error);
    await waitFor('the first call to wait', async () => (await pool.waiting()) === 1);
    const next = pool.take();
    await waitFor('the second call to wait', async () => (await pool.waiting()) === 2);
    abort.abort();
    expect(await gone).toMatchObject({ code: status.CANCELLED });
    await waitFor('the first call to leave', async () => (await pool.waiting()) === 1);
    await pool.caller.freeWorker(first);
    expect(await next).toMatchObject({ worker: first.worker });
  });

  test('is fair between callers of different client-id, however many calls one of them makes', async () => {
    await pool.take(); // One worker is left to share.
    const held = await pool.take();
    using flood = pool.server.caller('flood');
    using alsoFlood = pool.server.caller('flood');
    using modest = pool.server.caller('modest');
    const served: string[] = [];
    const useOnce = async (name: string, by: Caller) => {
      const lease = await by.findFreeWorker();
      served.push(name);
      await pool.run(lease, SLEEP, [40]);
      await by.freeWorker(lease);
    };
    const floods = [flood, alsoFlood, flood, alsoFlood, flood].map((by) => useOnce('flood', by));
    await waitFor('the flood to wait', async () => (await pool.waiting()) === 5);
    const modests = [modest, modest, modest].map((by) => useOnce('modest', by));
    await waitFor('everybody to wait', async () => (await pool.waiting()) === 8);
    await pool.caller.freeWorker(held);
    await Promise.all([...floods, ...modests]);
    // Evened out is slot time, which on a busy machine is not the same for every call. First come, first served for all would
    // be five of the flood and then the three.
    expect(served.indexOf('modest')).toBeLessThanOrEqual(2);
    expect(served.lastIndexOf('modest')).toBeLessThan(served.length - 1);
  });
});

describe('FreeWorker', () => {
  test('may be called twice', async () => {
    const lease = await pool.take();
    await pool.caller.freeWorker(lease);
    await pool.caller.freeWorker(lease);
  });

  test('refuses a lease that this pool never granted, and none at all', async () => {
    const lease = await pool.take();
    const forged = lease.lease_id.replace(/^(.+)\.(\d+)\.(\d+)\./, '$1.$2.9$3.');
    for (const lease_id of ['nonsense', '.', 'a.b.c.d.e', forged, '\u2603'.repeat(50)]) {
      await expect(pool.caller.freeWorker({ lease_id })).rejects.toMatchObject({ code: status.NOT_FOUND });
    }
    await expect(pool.caller.freeWorker({ lease_id: '' })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('lease_id'),
    });
  });

  test('aborts code that runs, and the slot is granted again only when the code has stopped', async () => {
    const file = pool.sandbox.path('freed');
    await pool.take(); // So that the next lease can only be on the same slot.
    const lease = await pool.take();
    const running = pool.run(lease, BEAT, [file]);
    await waitFor('the code to begin', () => lastBeat(file));
    const next = pool.take();
    await waitFor('the next caller to wait', async () => (await pool.waiting()) === 1);
    await pool.caller.freeWorker(lease);
    expect((await running).failure).toMatchObject({ code: 'lease-lost', may_have_run: true });
    const granted = await next;
    expect(granted).toMatchObject({ worker_id: lease.worker_id });
    const begun = BigInt(resultOf(await pool.run(granted, CLOCK)) as string);
    expect(lastBeat(file)).toBeLessThan(begun);
    await expect(pool.run(lease, CLOCK)).rejects.toMatchObject({ code: status.NOT_FOUND });
  });
});

describe('the status document', () => {
  const shapeOf = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
    if (typeof value !== 'object' || value === null) return typeof value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]));
  };

  test('of GetStatus and of GetState agree, and show what runs', async () => {
    const lease = await pool.take();
    const response = pool.run(lease, SLEEP, [600_000], { task_id: 'the-id', name: 'the name' });
    using worker = new Caller(`${lease.host}:${lease.port}`, WORKER, { token: pool.server.token });
    const own = await waitFor('the task to show', async () => {
      const document = await worker.unary<StatusDocument>('GetState');
      return document.workers[0]?.tasks.length === 1 ? document : undefined;
    });
    const all = await pool.caller.status();
    const seen = all.workers.find(({ worker: name }) => name === lease.worker);
    expect(all.workers.map((each) => each.worker)).toEqual(['worker-1', 'worker-2']);
    expect(own.workers).toHaveLength(1);
    expect(shapeOf(seen)).toEqual(shapeOf(own.workers[0]));
    expect(shapeOf(all.queue)).toEqual(shapeOf(own.queue));
    for (const state of [seen, own.workers[0]]) {
      expect(state).toMatchObject({ phase: 'running', busy: true, slots: 1, port: lease.port });
      expect(state?.tasks).toEqual([
        expect.objectContaining({ task_id: 'the-id', name: 'the name', running_ms: expect.any(Number) }),
      ]);
    }
    await pool.caller.freeWorker(lease);
    expect((await response).failure?.code).toBe('lease-lost');
  });

  test('counts what completed and what failed', async () => {
    const lease = await pool.take();
    const counts = async () => {
      const { workers } = await pool.caller.status();
      const own = workers.find(({ worker }) => worker === lease.worker);
      return [own?.completed ?? 0, own?.failed ?? 0] as const;
    };
    const [completed, failed] = await counts();
    for (let index = 0; index < 3; index++) await pool.run(lease, '() => 1');
    const outcomes: RunCodeResponse[] = [await pool.run(lease, '() => { throw 1; }')];
    expect(outcomes[0]?.failure?.code).toBe('thrown');
    expect(await counts()).toEqual([completed + 3, failed + 1]);
  });
});

test('the system asks on every connection whether the other machine is still there', async () => {
  await pool.caller.status();
  const asked = await waitFor('keepalive on all connections', () => {
    const connections = keepalivesOfPort(pool.server.port);
    return connections.every(Boolean) ? connections : undefined;
  });
  expect(asked.length).toBeGreaterThanOrEqual(3); // Of two workers and this client.
});
