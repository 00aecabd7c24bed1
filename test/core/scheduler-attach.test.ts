import { describe, expect, test } from '@jest/globals';
import { requestId, workerId } from '../../src/core/ids.js';
import { SLICE_MS } from '../../src/core/scheduler/lease.js';
import { Scheduler } from '../../src/core/scheduler/scheduler.js';
import {
  after,
  attached,
  away,
  claimed,
  draining,
  end,
  expired,
  ended,
  grant,
  idleFor,
  inUse,
  lease,
  lost,
  released,
  requested,
  slotAt,
  timePassed,
} from './story.js';

describe('a worker that brings leases along (the coordinator was started again)', () => {
  test('epochs go on from the highest that any of its slots has seen', () => {
    const scheduler = after(attached('w1', 1, [slotAt(3), slotAt(7)]));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 8, 0))]);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([grant(2, lease('w1', 9, 1))]);
  });

  test('a slot with a held lease is busy until that has ended', () => {
    const scheduler = after(attached('w1', 1, [slotAt(7, { inUse: true, idleMs: 0 })]), requested(1, 'a'));
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
    expect(scheduler.handle(timePassed, 1e6)).toEqual([]);
    expect(scheduler.handle(released(lease('w1', 7)), 1e6)).toEqual([end(lease('w1', 7))]);
    expect(scheduler.handle(ended(lease('w1', 7)), 1e6)).toEqual([grant(1, lease('w1', 8))]);
  });

  test('a held lease that is not in use expires 5 s after its last use', () => {
    const scheduler = after(attached('w1', 1, [slotAt(7, { inUse: false, idleMs: 1_000 })]));
    expect(scheduler.nextTimeAt).toBe(4_000);
    expect(scheduler.handle(timePassed, 4_000)).toEqual([expired(lease('w1', 7))]);
  });

  test('a held lease that was idle for too long is ended at once', () => {
    const scheduler = after();
    const slots = [slotAt(7, { inUse: false, idleMs: 5_000 })];
    expect(scheduler.handle(attached('w1', 1, slots), 0)).toEqual([expired(lease('w1', 7))]);
  });

  test('only the slots without a lease are granted', () => {
    const scheduler = after(attached('w1', 1, [slotAt(7, { inUse: true, idleMs: 0 }), slotAt(2)]));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 8, 1))]);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([]);
  });

  test('nobody is charged for a lease that was brought along', () => {
    const scheduler = after(attached('w1', 1, [slotAt(7, { inUse: true, idleMs: 0 })]));
    for (const [request, client] of ['a', 'b'].entries()) scheduler.handle(requested(request, client), 0);
    expect(scheduler.handle(ended(lease('w1', 7)), 500)).toEqual([grant(0, lease('w1', 8))]);
    expect(scheduler.handle(ended(lease('w1', 8)), 600)).toEqual([grant(1, lease('w1', 9))]);
  });
});

describe("a session's lease that a worker brings along", () => {
  const brought = slotAt(7, { inUse: true, idleMs: 0, bySession: true });
  const own = { type: 'grant-lease', request: requestId(1), lease: lease('w1', 7), ttlMs: 0 };

  test('is granted again to whoever claims it, and is charged and asked back like any other', () => {
    const scheduler = after(attached('w1', 1, [brought]));
    expect(scheduler.handle(claimed(1, 'a', lease('w1', 7)), 4_999)).toEqual([own]);
    expect(scheduler.nextTimeAt).toBeUndefined();
    expect(scheduler.handle(requested(2, 'b'), 6_000)).toEqual([]);
    expect(scheduler.handle(timePassed, 6_000 + SLICE_MS)).toEqual([end(lease('w1', 7), false)]);
    expect(scheduler.handle(ended(lease('w1', 7)), 6_010 + SLICE_MS)).toEqual([grant(2, lease('w1', 8))]);
  });

  test('ends 5 s later when nobody claims it, even in use', () => {
    const scheduler = after(attached('w1', 1, [brought]));
    expect(scheduler.handle(inUse(lease('w1', 7)), 3_000)).toEqual([]);
    expect(scheduler.handle(timePassed, 5_000)).toEqual([expired(lease('w1', 7))]);
    expect(scheduler.handle(claimed(1, 'a', lease('w1', 7)), 5_010)).toEqual([]);
  });

  test('cannot be claimed twice, nor by a wrong epoch, nor where a unary caller holds it', () => {
    const unary = slotAt(9, { inUse: true, idleMs: 0 });
    const scheduler = after(attached('w1', 1, [brought, unary]), claimed(1, 'a', lease('w1', 7)));
    for (const key of [lease('w1', 7), lease('w1', 6), lease('w1', 9, 1), lease('w2', 7)])
      expect(scheduler.handle(claimed(2, 'b', key), 10)).toEqual([]);
  });
});

describe('epochs', () => {
  test('a worker that has seen fewer epochs than others does not set them back', () => {
    const scheduler = after(attached('w1', 1, [slotAt(7)]), attached('w2', 2, [slotAt(3)]));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 8))]);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([grant(2, lease('w2', 9))]);
  });

  test('a lost worker that attaches again never gets an epoch twice', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), lost('w1'), attached('w1'));
    expect(scheduler.handle(requested(2, 'b'), 0)).toEqual([grant(2, lease('w1', 2))]);
    // The holder of epoch 1 has not heard of the loss yet: nothing that it says may touch the lease of b.
    for (const event of [released, ended, inUse])
      expect(scheduler.handle(event(lease('w1', 1)), 10)).toEqual([]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
    expect(scheduler.nextTimeAt).toBe(5_000);
  });

  test('a scheduler that begins at 1000 grants 1001 first, whatever less a worker has seen', () => {
    const scheduler = new Scheduler(1_000);
    scheduler.handle(attached('w1', 1, [slotAt(7), slotAt(0)]), 0);
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 1_001, 0))]);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([grant(2, lease('w1', 1_002, 1))]);
  });

  test('a scheduler that begins at 1000 goes on from a higher epoch that a worker has seen', () => {
    const scheduler = new Scheduler(1_000);
    scheduler.handle(attached('w1', 1, [slotAt(2_000)]), 0);
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 2_001))]);
  });
});

describe('a worker that attaches again (its stream was cut)', () => {
  test('one that comes back with another number of slots replaces what was known of it, and epochs go on', () => {
    const scheduler = after(attached('w1', 1, [slotAt(0), slotAt(0)]), requested(1, 'a'), requested(2, 'a'));
    expect(scheduler.handle(attached('w1', 1, [slotAt(1)]), 10)).toEqual([]);
    expect(scheduler.handle(requested(3, 'a'), 20)).toEqual([grant(3, lease('w1', 3))]);
    expect(scheduler.handle(requested(4, 'a'), 20)).toEqual([]);
  });

  test('while it is away its leases stand, and nothing of it is granted', () => {
    const scheduler = after(attached('w1', 1, [slotAt(0), slotAt(0)]), requested(1, 'a'), away('w1'));
    expect(scheduler.handle(requested(2, 'a'), 10)).toEqual([]);
    expect(scheduler.handle(ended(lease('w1', 1)), 20)).toEqual([]);
    expect(scheduler.handle(attached('w1', 1, [slotAt(1), slotAt(0)]), 30)).toEqual([
      grant(2, lease('w1', 2, 0)),
    ]);
  });

  test('a free slot is not granted twice', () => {
    const scheduler = after(attached('w1'), attached('w1'));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 1))]);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([]);
  });

  test('a lease that it still holds goes on', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'a'));
    const slots = [slotAt(1, { inUse: false, idleMs: 200 })];
    expect(scheduler.handle(attached('w1', 1, slots), 1_000)).toEqual([]);
    expect(scheduler.nextTimeAt).toBe(5_800);
    expect(scheduler.handle(inUse(lease('w1', 1)), 1_100)).toEqual([]);
    expect(scheduler.handle(released(lease('w1', 1)), 9_000)).toEqual([end(lease('w1', 1))]);
    expect(scheduler.handle(ended(lease('w1', 1)), 9_010)).toEqual([grant(2, lease('w1', 2))]);
  });

  test('a lease that ended while it was away frees its slot', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'a'));
    expect(scheduler.handle(attached('w1', 1, [slotAt(1)]), 10)).toEqual([grant(2, lease('w1', 2))]);
    expect(scheduler.handle(ended(lease('w1', 1)), 20)).toEqual([]);
    expect(scheduler.handle(idleFor(9_000, lease('w1', 1)), 20)).toEqual([]);
    expect(scheduler.nextTimeAt).toBe(5_010);
  });

  // Its holder has its token and may still be on its way to the worker.
  test('a lease that it has not seen yet goes on', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), attached('w1'));
    expect(scheduler.handle(requested(2, 'b'), 0)).toEqual([]);
    expect(scheduler.handle(released(lease('w1', 1)), 0)).toEqual([end(lease('w1', 1))]);
    expect(scheduler.handle(attached('w1'), 0)).toEqual([end(lease('w1', 1))]);
    expect(scheduler.handle(ended(lease('w1', 1)), 0)).toEqual([grant(2, lease('w1', 2))]);
  });

  // FreeWorker was answered OK and nobody will ask again: code that never ends would keep the slot for ever.
  test('a lease that was released is still to end, though the worker has not heard of it yet', () => {
    const scheduler = after(
      attached('w1'),
      requested(1, 'a'),
      inUse(lease('w1', 1)),
      released(lease('w1', 1)),
    );
    const slots = [slotAt(1, { inUse: true, idleMs: 0 })];
    expect(scheduler.handle(attached('w1', 1, slots), 10)).toEqual([end(lease('w1', 1))]);
  });

  // Phases move one way, and it is the same incarnation.
  test('a worker that was draining is still draining', () => {
    const scheduler = after(attached('w1'), draining('w1'), attached('w1'));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([]);
  });
});
