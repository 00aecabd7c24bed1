import { describe, expect, test } from '@jest/globals';
import { workerId } from '../../src/core/ids.js';
import {
  after,
  attached,
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
  withdrawn,
} from './story.js';

describe('granting', () => {
  test('the free worker of lowest rank is granted first', () => {
    const scheduler = after(attached('w2', 2), attached('w1', 1), attached('w3', 3));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 1))]);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([grant(2, lease('w2', 2))]);
  });

  test('a worker that is free again comes before free ones of higher rank', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), attached('w3', 3), requested(1, 'a'));
    scheduler.handle(ended(lease('w1', 1)), 10);
    expect(scheduler.handle(requested(2, 'a'), 20)).toEqual([grant(2, lease('w1', 2))]);
  });

  test('a request waits until a worker is free', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'));
    expect(scheduler.handle(requested(2, 'a'), 5)).toEqual([]);
    expect(scheduler.waiting).toBe(1);
    expect(scheduler.handle(ended(lease('w1', 1)), 10)).toEqual([grant(2, lease('w1', 2))]);
    expect(scheduler.waiting).toBe(0);
  });

  test('requests that came before the first worker are served, in order, when workers attach', () => {
    const scheduler = after(requested(1, 'a'), requested(2, 'a'), requested(3, 'a'));
    expect(scheduler.handle(attached('w1', 1, [slotAt(0), slotAt(0)]), 5)).toEqual([
      grant(1, lease('w1', 1, 0)),
      grant(2, lease('w1', 2, 1)),
    ]);
    expect(scheduler.handle(attached('w2', 2), 6)).toEqual([grant(3, lease('w2', 3))]);
  });

  test('a withdrawn request is not served', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'a'), requested(3, 'a'));
    expect(scheduler.handle(withdrawn(2), 5)).toEqual([]);
    expect(scheduler.waiting).toBe(1);
    expect(scheduler.handle(ended(lease('w1', 1)), 10)).toEqual([grant(3, lease('w1', 2))]);
  });

  test('withdrawing a request that was served, or was never made, does nothing', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'a'));
    expect(scheduler.handle(withdrawn(1), 5)).toEqual([]);
    expect(scheduler.handle(withdrawn(99), 5)).toEqual([]);
    expect(scheduler.waiting).toBe(1);
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
  });
});

describe('release', () => {
  test('a slot stays busy after the release until its lease has ended', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'b'));
    expect(scheduler.handle(released(lease('w1', 1)), 10)).toEqual([end(lease('w1', 1))]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
    expect(scheduler.handle(timePassed, 60_000)).toEqual([]);
    expect(scheduler.handle(ended(lease('w1', 1)), 60_001)).toEqual([grant(2, lease('w1', 2))]);
  });

  test('a second release of the same lease does nothing', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), released(lease('w1', 1)));
    expect(scheduler.handle(released(lease('w1', 1)), 5)).toEqual([]);
    scheduler.handle(ended(lease('w1', 1)), 10);
    expect(scheduler.handle(released(lease('w1', 1)), 15)).toEqual([]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(false);
  });

  test('a lease in use is ended by its release', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), inUse(lease('w1', 1)));
    expect(scheduler.handle(released(lease('w1', 1)), 10)).toEqual([end(lease('w1', 1))]);
  });

  test('a lease that the worker ended by itself frees the slot', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'));
    expect(scheduler.handle(ended(lease('w1', 1)), 10)).toEqual([]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(false);
    expect(scheduler.nextTimeAt).toBeUndefined();
  });

  test.each([
    ['release', released],
    ['end', ended],
    ['use', inUse],
  ])('the %s of an earlier lease of the slot is ignored', (_name, event) => {
    const scheduler = after(attached('w1'), requested(1, 'a'), ended(lease('w1', 1)), requested(2, 'b'));
    expect(scheduler.handle(event(lease('w1', 1)), 10)).toEqual([]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
    expect(scheduler.nextTimeAt).toBe(5_000);
    expect(scheduler.handle(requested(3, 'c'), 20)).toEqual([]);
  });

  test.each([
    ['an unknown worker', lease('w9', 1)],
    ['an unknown slot', lease('w1', 1, 7)],
    ['an epoch to come', lease('w1', 2)],
  ])('news of a lease of %s is ignored', (_name, key) => {
    const scheduler = after(attached('w1'), requested(1, 'a'));
    for (const event of [released(key), ended(key), inUse(key), idleFor(9_000, key)])
      expect(scheduler.handle(event, 10)).toEqual([]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
    expect(scheduler.nextTimeAt).toBe(5_000);
  });
});

describe('expiry', () => {
  test('an unused lease is ended 5 s after its grant, and not before', () => {
    const scheduler = after(attached('w1'));
    scheduler.handle(requested(1, 'a'), 100);
    expect(scheduler.nextTimeAt).toBe(5_100);
    expect(scheduler.handle(timePassed, 5_099)).toEqual([]);
    expect(scheduler.handle(timePassed, 5_100)).toEqual([expired(lease('w1', 1))]);
    expect(scheduler.nextTimeAt).toBeUndefined();
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
  });

  test('whatever happens ends the leases that are due', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), requested(1, 'a'));
    expect(scheduler.handle(requested(2, 'b'), 5_000)).toEqual([
      expired(lease('w1', 1)),
      grant(2, lease('w2', 2)),
    ]);
  });

  test('a lease in use never expires', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), inUse(lease('w1', 1)));
    expect(scheduler.nextTimeAt).toBeUndefined();
    expect(scheduler.handle(timePassed, 1e9)).toEqual([]);
  });

  test('expiry counts from the last use', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), inUse(lease('w1', 1)));
    expect(scheduler.handle(idleFor(300, lease('w1', 1)), 20_000)).toEqual([]);
    expect(scheduler.nextTimeAt).toBe(24_700);
    expect(scheduler.handle(timePassed, 24_699)).toEqual([]);
    expect(scheduler.handle(timePassed, 24_700)).toEqual([expired(lease('w1', 1))]);
  });

  test('a lease that proves to have been idle for too long is ended at once', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), inUse(lease('w1', 1)));
    expect(scheduler.handle(idleFor(5_000, lease('w1', 1)), 20_000)).toEqual([expired(lease('w1', 1))]);
  });

  test('an expired lease is ended once, and a late release or use of it changes nothing', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'));
    expect(scheduler.handle(timePassed, 5_000)).toEqual([expired(lease('w1', 1))]);
    expect(scheduler.handle(timePassed, 5_001)).toEqual([]);
    expect(scheduler.handle(released(lease('w1', 1)), 5_002)).toEqual([]);
    expect(scheduler.handle(idleFor(0, lease('w1', 1)), 5_003)).toEqual([]);
    expect(scheduler.handle(timePassed, 50_000)).toEqual([]);
  });

  test('the next expiry is that of the lease that is due first', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), requested(1, 'a'));
    scheduler.handle(requested(2, 'a'), 1_000);
    scheduler.handle(idleFor(0, lease('w1', 1)), 2_000);
    expect(scheduler.nextTimeAt).toBe(6_000);
    expect(scheduler.handle(timePassed, 7_000)).toEqual([expired(lease('w2', 2)), expired(lease('w1', 1))]);
  });
});

describe('workers', () => {
  test('the slots of one worker are granted one by one, and it is busy when none is free', () => {
    const scheduler = after(attached('w1', 1, [slotAt(0), slotAt(0)]), attached('w2', 2));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w1', 1, 0))]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(false);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([grant(2, lease('w1', 2, 1))]);
    expect(scheduler.isBusy(workerId('w1'))).toBe(true);
    expect(scheduler.handle(requested(3, 'a'), 0)).toEqual([grant(3, lease('w2', 3))]);
    scheduler.handle(ended(lease('w1', 1, 0)), 10);
    expect(scheduler.isBusy(workerId('w1'))).toBe(false);
    expect(scheduler.handle(requested(4, 'a'), 20)).toEqual([grant(4, lease('w1', 4, 0))]);
  });

  test('a worker nobody knows is not busy', () => {
    expect(after().isBusy(workerId('w1'))).toBe(false);
  });

  test('the leases of a lost worker are gone with it', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'a'));
    expect(scheduler.handle(lost('w1'), 10)).toEqual([]);
    expect(scheduler.nextTimeAt).toBeUndefined();
    for (const event of [released, ended, inUse])
      expect(scheduler.handle(event(lease('w1', 1)), 20)).toEqual([]);
    expect(scheduler.waiting).toBe(1);
    expect(scheduler.handle(attached('w2'), 30)).toEqual([grant(2, lease('w2', 2))]);
  });

  test('the free slots of a lost worker are not granted', () => {
    const scheduler = after(attached('w1', 1, [slotAt(0), slotAt(0)]), attached('w2', 2), lost('w1'));
    expect(scheduler.handle(requested(1, 'a'), 0)).toEqual([grant(1, lease('w2', 1))]);
    expect(scheduler.handle(requested(2, 'a'), 0)).toEqual([]);
  });

  test('the loss of a worker nobody knows does nothing', () => {
    const scheduler = after(attached('w1'));
    expect(scheduler.handle(lost('w9'), 0)).toEqual([]);
    expect(scheduler.handle(draining('w9'), 0)).toEqual([]);
  });

  test('a draining worker keeps its leases and is granted nothing new', () => {
    const scheduler = after(attached('w1', 1, [slotAt(0), slotAt(0)]), requested(1, 'a'), draining('w1'));
    expect(scheduler.handle(requested(2, 'a'), 5)).toEqual([]);
    expect(scheduler.handle(released(lease('w1', 1)), 10)).toEqual([end(lease('w1', 1))]);
    expect(scheduler.handle(ended(lease('w1', 1)), 20)).toEqual([]);
    expect(scheduler.waiting).toBe(1);
    expect(scheduler.isBusy(workerId('w1'))).toBe(false);
  });

  test('an unused lease of a draining worker expires', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), draining('w1'), draining('w1'));
    expect(scheduler.handle(timePassed, 5_000)).toEqual([expired(lease('w1', 1))]);
  });
});
