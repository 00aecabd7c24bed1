import { setMaxListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { type ServiceError, status } from '@grpc/grpc-js';
import { BEAT, CLOCK, lastBeat, SLEEP } from '../support/functions.js';
import { PoolFixture } from '../support/pool.js';
import { codeRequest, type Lease, resultOf } from '../support/rpc.js';
import { RawStream } from '../support/streams.js';
import { waitFor, within } from '../support/wait.js';

const pool = new PoolFixture(['2', '--no-profile']);

describe('a lease', () => {
  test('is needed for RunCode: none, a forged one, a dead one and that of another worker are refused', async () => {
    const [a, b] = [await pool.take(), await pool.take()];
    const [worker, slot, epoch] = a.lease_id.split('.');
    const forgeries = [
      'nonsense',
      '....',
      a.lease_id.slice(0, -2),
      `${worker}.${slot}.${Number(epoch) + 1}.5000.`,
    ];
    for (const lease_id of forgeries) {
      const refusal = pool.send(a, codeRequest({ lease_id }, CLOCK));
      await expect(refusal).rejects.toMatchObject({ code: status.NOT_FOUND });
    }
    await expect(pool.send(b, codeRequest(a, CLOCK))).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    await pool.caller.freeWorker(a);
    await waitFor('the freed lease to be refused', () =>
      pool.run(a, CLOCK).then(
        () => false,
        (error: unknown) => (error as ServiceError).code === status.NOT_FOUND,
      ),
    );
  });

  test('runs one call at a time', async () => {
    const lease = await pool.take();
    const file = pool.sandbox.path('one-at-a-time');
    const first = pool.run(lease, BEAT, [file]);
    await waitFor('the first call to begin', () => lastBeat(file));
    await expect(pool.run(lease, CLOCK)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('lease_id'),
    });
    const before = lastBeat(file);
    await waitFor('the first call to go on undisturbed', () => lastBeat(file) !== before);
    await pool.caller.freeWorker(lease);
    expect((await first).failure).toMatchObject({ code: 'lease-lost' });
  });

  test('comes back 5 s after the grant when nobody used it, and after its holder vanished in the middle of RunCode', async () => {
    const file = pool.sandbox.path('vanished');
    const [unused, used] = [await pool.caller.findFreeWorker(), await pool.caller.findFreeWorker()];
    const grantedAt = performance.now();
    const holder = new AbortController();
    const call = pool.run(used, BEAT, [file], {}, holder.signal).catch((error: unknown) => error);
    await waitFor('the code to begin', () => lastBeat(file));
    holder.abort();
    expect(await call).toMatchObject({ code: status.CANCELLED });
    const [first, second] = await Promise.all([pool.take(), pool.take()]);
    expect(performance.now() - grantedAt).toBeGreaterThan(4_500);
    expect(performance.now() - grantedAt).toBeLessThan(9_000);
    const slots = [first, second].map((lease) => lease.worker).sort();
    expect(slots).toEqual([unused, used].map((lease) => lease.worker).sort());
    const sameSlot = first.worker_id === used.worker_id ? first : second;
    const begun = BigInt(resultOf(await pool.run(sameSlot, CLOCK)) as string);
    expect(lastBeat(file)).toBeLessThan(begun);
    await expect(pool.run(unused, CLOCK)).rejects.toMatchObject({ code: status.NOT_FOUND });
  });
});

test('leases on workers of their own that are not wanted any more leave these workers to everybody', async () => {
  const [lease] = [await pool.take(), await pool.take()];
  const session = new RawStream(pool.caller, 'offhand.v1.Coordinator', 'Session');
  const nowWaiting = (count: number) =>
    waitFor(`${count} to wait`, async () => (await pool.waiting()) === count);
  session.send({ alone: 5 });
  await nowWaiting(2); // No more than there are slots.
  session.send({ no_longer_alone: 4 });
  await nowWaiting(1);
  session.send({ no_longer_alone: 7 });
  await nowWaiting(0);
  await pool.caller.freeWorker(lease);
  expect((await pool.take()).worker).toBe(lease.worker);
  session.end();
  expect(await session.ended).toBeUndefined();
});

describe('limits.timeout_ms', () => {
  const timed = (lease: Lease, source: string, timeout_ms: number, args: unknown[] = []) =>
    pool.run(lease, source, args, { limits: { timeout_ms } });

  test('stops a busy loop, and the lease can be used again', async () => {
    const lease = await pool.take();
    const { failure, run_ms } = await timed(lease, '() => { for (;;); }', 200);
    expect(failure).toMatchObject({ code: 'timeout', may_have_run: true });
    expect(run_ms).toBeGreaterThanOrEqual(190);
    expect(resultOf(await pool.run(lease, '() => 1'))).toBe(1);
  });

  test('stops a source that never even becomes a function', async () => {
    const lease = await pool.take();
    const outcome = await within(3_000, 'the timeout', timed(lease, '(() => { for (;;); })()', 200));
    expect(outcome).toMatchObject({ failure: { code: 'timeout' } });
  });

  test('may be longer than a timer can wait', async () => {
    const lease = await pool.take();
    expect(resultOf(await timed(lease, SLEEP, 30 * 86_400_000, [50]))).toBe(50);
  });
});

describe('a caller that asks without end', () => {
  test('is told to stop at 1,000 requests, and others still get their turn', async () => {
    const held = [await pool.take(), await pool.take()];
    const flood = new AbortController();
    setMaxListeners(0, flood.signal);
    using greedy = pool.server.caller('greedy');
    // Some more: a busy machine takes so long to ask that the held leases end unused meanwhile, and are granted.
    const asked = Array.from({ length: 1_050 }, () =>
      greedy.findFreeWorker({ signal: flood.signal }).catch((error: unknown) => error),
    );
    const refusals = Promise.any(
      asked.map(async (one) => {
        const end = (await one) as ServiceError;
        return end.code === status.RESOURCE_EXHAUSTED ? end : Promise.reject(end);
      }),
    );
    expect((await refusals).details).toBe(
      'this client has 1000 requests waiting; ask again when some of them are served',
    );
    expect((await pool.server.status()).queue.pending).toBe(1_000);
    const other = pool.take();
    await pool.caller.freeWorker(held[0] as Lease);
    // Whichever worker it is: on a busy machine the other lease may have ended unused meanwhile.
    expect(held.map(({ worker }) => worker)).toContain((await other).worker);
    flood.abort();
    await Promise.all(asked);
  });
});
