import { describe, expect, test } from '@jest/globals';
import type { LeaseKey } from '../../src/core/scheduler/lease.js';
import type { Scheduler } from '../../src/core/scheduler/scheduler.js';
import {
  after,
  attached,
  end,
  ended,
  grant,
  inUse,
  lease,
  lost,
  released,
  requested,
  servedInTurn,
  withdrawn,
} from './story.js';

/** One worker whose only slot client `x` holds since the instant 0, its first lease. */
const oneSlot = (): Scheduler => after(attached('w1'), requested(0, 'x'));

/** Does all this at `now`. */
function also(scheduler: Scheduler, now: number, ...events: Parameters<Scheduler['handle']>[0][]): Scheduler {
  for (const event of events) scheduler.handle(event, now);
  return scheduler;
}

describe('who is next', () => {
  test('within a client the request that came first is served first', () => {
    const scheduler = also(
      oneSlot(),
      0,
      requested(1, 'a'),
      requested(2, 'a'),
      requested(3, 'a'),
      withdrawn(1),
    );
    also(scheduler, 0, requested(4, 'a'));
    expect(servedInTurn(scheduler, lease('w1', 1), [10, 10, 10])).toEqual([2, 3, 4]);
  });

  test('clients that use equally much alternate, though one asked for all of its leases first', () => {
    const scheduler = also(oneSlot(), 0, requested(1, 'a'), requested(2, 'a'), requested(3, 'a'));
    also(scheduler, 0, requested(11, 'b'), requested(12, 'b'), requested(13, 'b'));
    expect(servedInTurn(scheduler, lease('w1', 1), [10, 10, 10, 10, 10, 10])).toEqual([1, 11, 2, 12, 3, 13]);
  });

  // On a clock of whole milliseconds every short task takes none: whoever came first would be served until it has done.
  test('clients alternate even while their leases end within the same millisecond', () => {
    const scheduler = also(oneSlot(), 0, requested(1, 'a'), requested(2, 'a'), requested(3, 'a'));
    also(scheduler, 0, requested(11, 'b'), requested(12, 'b'));
    expect(servedInTurn(scheduler, lease('w1', 1), [0, 0, 0, 0, 0])).toEqual([1, 11, 2, 12, 3]);
  });

  test('of clients with equal slot time, the one that holds fewer leases is next', () => {
    const scheduler = after(requested(1, 'a'), requested(2, 'a'), requested(11, 'b'), requested(12, 'b'));
    const granted = ['w1', 'w2', 'w3', 'w4'].flatMap((worker) => scheduler.handle(attached(worker), 0));
    const [w1, w2, w3, w4] = ['w1', 'w2', 'w3', 'w4'].map((worker, index) => lease(worker, index + 1));
    expect(granted).toEqual([grant(1, w1!), grant(11, w2!), grant(2, w3!), grant(12, w4!)]);
  });

  test('the client with the least slot time is next, however many leases that takes', () => {
    const scheduler = also(oneSlot(), 0, requested(1, 'a'), requested(2, 'a'));
    also(scheduler, 0, ...[11, 12, 13, 14, 15].map((request) => requested(request, 'b')));
    // The first ends the lease of x; then a runs for 100 ms, and b, at 30 ms a piece, four times before it is level.
    expect(servedInTurn(scheduler, lease('w1', 1), [0, 100, 30, 30, 30, 30])).toEqual([1, 11, 12, 13, 14, 2]);
  });

  test('a lease that is still held counts for as long as it has been held', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), requested(1, 'a'), requested(21, 'x'));
    also(scheduler, 0, requested(2, 'a'), requested(11, 'b'), requested(12, 'b'));
    expect(scheduler.handle(ended(lease('w2', 2)), 10)).toEqual([grant(11, lease('w2', 3))]);
    // a has held w1 for 60 ms and holds it still; b had w2 for 50 ms.
    expect(scheduler.handle(ended(lease('w2', 3)), 60)).toEqual([grant(12, lease('w2', 4))]);
  });

  test('a lease is charged until it has ended, not until its release', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'a'), requested(11, 'b'));
    expect(scheduler.handle(released(lease('w1', 1)), 1)).toEqual([end(lease('w1', 1))]);
    expect(servedInTurn(scheduler, lease('w1', 1), [100, 60, 60])).toEqual([11, 2]);
    const again = after(attached('w1'), requested(1, 'a'), requested(2, 'a'), requested(11, 'b'));
    also(again, 0, requested(12, 'b'), released(lease('w1', 1)));
    expect(servedInTurn(again, lease('w1', 1), [100, 60, 60])).toEqual([11, 12, 2]);
  });

  test('the leases of a lost worker are charged no longer', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), requested(1, 'a'), requested(11, 'b'));
    also(scheduler, 0, requested(2, 'a'), requested(12, 'b'), requested(13, 'b'));
    also(scheduler, 10, lost('w1'));
    expect(scheduler.handle(ended(lease('w2', 2)), 20)).toEqual([grant(2, lease('w2', 3))]);
  });

  test('a request that was withdrawn neither costs its client its turn nor gives it another', () => {
    const scheduler = also(oneSlot(), 0, requested(1, 'a'), requested(11, 'b'), withdrawn(1));
    also(scheduler, 0, requested(2, 'a'));
    expect(servedInTurn(scheduler, lease('w1', 1), [10, 10])).toEqual([11, 2]);
  });
});

describe('newcomers', () => {
  test('a client that was not there starts level with the client served last, not ahead of it', () => {
    const scheduler = after(attached('w1'), ...[1, 2, 3, 4, 5].map((request) => requested(request, 'a')));
    // a has had 200 ms when it is served at 200; b comes then and is level with it.
    expect(servedInTurn(scheduler, lease('w1', 1), [100, 100])).toEqual([2, 3]);
    also(scheduler, 200, ...[11, 12, 13].map((request) => requested(request, 'b')));
    expect(scheduler.handle(ended(lease('w1', 3)), 300)).toEqual([grant(11, lease('w1', 4))]);
    expect(scheduler.handle(ended(lease('w1', 4)), 390)).toEqual([grant(12, lease('w1', 5))]);
    expect(scheduler.handle(ended(lease('w1', 5)), 500)).toEqual([grant(4, lease('w1', 6))]);
  });

  test('staying away saves up no claim', () => {
    const scheduler = also(
      oneSlot(),
      0,
      requested(1, 'b'),
      ...[11, 12, 13, 14].map((n) => requested(n, 'a')),
    );
    expect(servedInTurn(scheduler, lease('w1', 1), [10, 10, 100, 100])).toEqual([1, 11, 12, 13]);
    also(scheduler, 220, requested(2, 'b'), requested(3, 'b'));
    // Both have 200 ms from here on: b had only 10 of its own.
    expect(scheduler.handle(ended(lease('w1', 5)), 220)).toEqual([grant(14, lease('w1', 6))]);
    also(scheduler, 220, requested(15, 'a'));
    expect(scheduler.handle(ended(lease('w1', 6)), 240)).toEqual([grant(2, lease('w1', 7))]);
    expect(scheduler.handle(ended(lease('w1', 7)), 270)).toEqual([grant(15, lease('w1', 8))]);
  });

  test('a client that is ahead stays so when it leaves the line and joins again', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(11, 'b'), requested(12, 'b'));
    expect(scheduler.handle(ended(lease('w1', 1)), 100)).toEqual([grant(11, lease('w1', 2))]);
    also(scheduler, 100, requested(2, 'a'));
    expect(servedInTurn(scheduler, lease('w1', 2), [150, 90])).toEqual([12, 2]);
  });

  /** Lets 2500 clients come and go at `now`, each for one lease that takes no time; returns the lease of the last. */
  function letOthersPass(scheduler: Scheduler, first: LeaseKey, now: number): LeaseKey {
    let key = first;
    for (let n = 1_000; n < 3_500; n++) {
      scheduler.handle(requested(n, `passer-by ${n}`), now);
      const [granted] = scheduler.handle(ended(key), now);
      if (granted?.type === 'grant-lease') key = granted.lease;
    }
    return key;
  }

  test('what a client is ahead is remembered though thousands of others come and go', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(2, 'z'));
    expect(scheduler.handle(ended(lease('w1', 1)), 100)).toEqual([grant(2, lease('w1', 2))]);
    const key = letOthersPass(scheduler, lease('w1', 2), 100);
    also(scheduler, 100, requested(3, 'a'), requested(4, 'newcomer'));
    expect(scheduler.handle(ended(key), 100)).toEqual([grant(4, lease('w1', key.epoch + 1))]);
  });

  test('a lease is charged though thousands of others come and go while it is held', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), requested(1, 'z'), requested(2, 'a'));
    const key = letOthersPass(scheduler, lease('w1', 1), 0);
    also(scheduler, 100, requested(3, 'a'), requested(4, 'newcomer'));
    expect(scheduler.handle(ended(key), 100)).toEqual([grant(4, lease('w1', key.epoch + 1))]);
  });
});

describe('contention periods', () => {
  /** a has had 800 ms when its lease ends at 800, with nobody waiting since the instant 0. */
  function afterAloneUse(): Scheduler {
    const scheduler = after(attached('w1'), requested(1, 'a'));
    scheduler.handle(ended(lease('w1', 1)), 800);
    return scheduler;
  }

  /** Who is served when x has had the slot, and a asked before b: a if they are level. */
  function nextOfBoth(scheduler: Scheduler, now: number): number[] {
    also(scheduler, now, requested(2, 'x'), requested(3, 'a'), requested(4, 'b'));
    return scheduler
      .handle(ended(lease('w1', 2)), now + 10)
      .map((c) => (c.type === 'grant-lease' ? c.request : 0));
  }

  test('what was used counts while the line has been empty for less than a second', () => {
    expect(nextOfBoth(afterAloneUse(), 999)).toEqual([4]);
  });

  test('what was used before is nobody’s debt once the line has been empty for a second', () => {
    expect(nextOfBoth(afterAloneUse(), 1_000)).toEqual([3]);
  });

  test('the second counts from when the last request left the line, served or withdrawn', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(9, 'c'));
    also(scheduler, 700, withdrawn(9));
    scheduler.handle(ended(lease('w1', 1)), 800);
    expect(nextOfBoth(scheduler, 1_699)).toEqual([4]);
  });

  test('a lease held since before the period is charged from its beginning', () => {
    const scheduler = after(attached('w1', 1), requested(1, 'a'), inUse(lease('w1', 1)));
    also(scheduler, 0, attached('w2', 2), attached('w3', 3));
    // The period begins at 5000; from there on a holds one lease, and b two.
    also(scheduler, 5_000, requested(11, 'b'), requested(12, 'b'), requested(13, 'b'));
    also(scheduler, 5_000, requested(2, 'a'), requested(3, 'a'), requested(4, 'a'));
    expect(scheduler.handle(ended(lease('w2', 2)), 5_100)).toEqual([grant(2, lease('w2', 4))]);
    expect(scheduler.handle(ended(lease('w3', 3)), 5_100)).toEqual([grant(3, lease('w3', 5))]);
    // a: 100 + 3 * 50 ms, b: 200 ms.
    expect(scheduler.handle(ended(lease('w3', 5)), 5_150)).toEqual([grant(13, lease('w3', 6))]);
  });

  test('no period begins while anybody waits', () => {
    const scheduler = after(attached('w1'), requested(1, 'a'), requested(9, 'c'));
    also(scheduler, 4_000, requested(10, 'c'));
    scheduler.handle(ended(lease('w1', 1)), 4_000);
    also(scheduler, 4_000, requested(2, 'a'), requested(3, 'b'));
    expect(servedInTurn(scheduler, lease('w1', 2), [4_010, 10, 10])).toEqual([3, 10, 2]);
  });
});
