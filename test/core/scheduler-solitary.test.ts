import { describe, expect, test } from '@jest/globals';
import { clientId, requestId, workerId } from '../../src/core/ids.js';
import type { SchedulerCommand, SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import { UNUSED_LEASE_TTL_MS } from '../../src/core/scheduler/lease.js';
import {
  after,
  attached,
  away,
  claimed,
  end,
  ended,
  expired,
  lease,
  lost,
  requested,
  slotAt,
  timePassed,
  withdrawn,
} from './story.js';

const asked = (request: number, client: string, alone = false): SchedulerEvent => ({
  type: 'lease-requested',
  request: requestId(request),
  wish: { client: clientId(client), bySession: true, alone },
});
const granted = (request: number, worker: string, epoch: number, slot = 0): SchedulerCommand => ({
  type: 'grant-lease',
  request: requestId(request),
  lease: lease(worker, epoch, slot),
  ttlMs: 0,
});
const two = (worker: string, rank: number) => attached(worker, rank, [slotAt(0), slotAt(0)]);

const askedOn = (request: number, client: string, worker: string): SchedulerEvent => ({
  type: 'lease-requested',
  request: requestId(request),
  wish: { client: clientId(client), bySession: true, worker: workerId(worker) },
});

describe('a lease that a worker has brought along', () => {
  const brought = slotAt(7, { inUse: true, idleMs: 0, bySession: true });

  test('is not asked back for a suspect before its holder has claimed it', () => {
    const scheduler = after(attached('w', 1, [brought]));
    expect(scheduler.handle(asked(1, 'b', true), 10)).toEqual([]);
    expect(scheduler.handle(claimed(2, 'a', lease('w', 7)), 20)).toEqual([
      granted(2, 'w', 7),
      end(lease('w', 7), false),
    ]);
    expect(scheduler.handle(ended(lease('w', 7)), 30)).toEqual([granted(1, 'w', 8)]);
  });

  test('nor for a lease that is to be on that worker and no other', () => {
    const scheduler = after(attached('w', 1, [brought]));
    expect(scheduler.handle(askedOn(1, 'b', 'w'), 10)).toEqual([]);
    expect(scheduler.handle(timePassed, UNUSED_LEASE_TTL_MS)).toEqual([expired(lease('w', 7))]);
    expect(scheduler.handle(ended(lease('w', 7)), 5_010)).toEqual([granted(1, 'w', 8)]);
  });
});

describe('a lease on one worker and no other', () => {
  test('is granted there, and nowhere else', () => {
    const scheduler = after(two('w1', 1), two('w2', 2), askedOn(1, 'a', 'w2'), askedOn(2, 'b', 'w2'));
    expect(scheduler.handle(askedOn(3, 'c', 'w2'), 0)).toEqual([
      end(lease('w2', 1, 0), false),
      end(lease('w2', 2, 1), false),
    ]);
    // Others still have the workers that it does not wait for.
    expect(scheduler.handle(asked(4, 'd'), 5)).toEqual([granted(4, 'w1', 3)]);
    expect(scheduler.handle(ended(lease('w2', 2, 1)), 10)).toEqual([granted(3, 'w2', 4, 1)]);
    expect(scheduler.handle(ended(lease('w2', 1, 0)), 20)).toEqual([]);
    expect(scheduler.waiting).toBe(0);
  });

  test('comes before what waits for any worker', () => {
    const scheduler = after(two('w', 1), requested(1, 'u'), requested(2, 'u'), requested(3, 'u'));
    expect(scheduler.handle(askedOn(4, 'a', 'w'), 0)).toEqual([]);
    expect(scheduler.handle(ended(lease('w', 1)), 10)).toEqual([granted(4, 'w', 3)]);
  });

  test('is granted when the worker is back, and never when it is lost', () => {
    const scheduler = after(two('w1', 1), two('w2', 2), away('w1'));
    expect(scheduler.handle(askedOn(1, 'a', 'w1'), 0)).toEqual([]);
    expect(scheduler.handle(two('w1', 1), 10)).toEqual([granted(1, 'w1', 1)]);
    expect(scheduler.handle(lost('w1'), 20)).toEqual([]);
    expect(scheduler.handle(askedOn(2, 'a', 'w1'), 30)).toEqual([]);
    expect(scheduler.handle(withdrawn(2), 40)).toEqual([]);
    expect(scheduler.handle(asked(3, 'a'), 50)).toEqual([granted(3, 'w2', 2)]);
  });

  test('waits while the worker is kept for a lease that is to be there alone', () => {
    const scheduler = after(two('w', 1), requested(1, 'u'), asked(2, 'a', true), askedOn(3, 'b', 'w'));
    expect(scheduler.handle(ended(lease('w', 1)), 10)).toEqual([granted(2, 'w', 2)]);
    expect(scheduler.handle(ended(lease('w', 2)), 20)).toEqual([granted(3, 'w', 3)]);
  });
});

describe('a lease on a worker of its own', () => {
  test('is granted where all slots are free, and the others are kept free until it is over', () => {
    const scheduler = after(two('w', 1), asked(1, 'a', true));
    expect(scheduler.handle(asked(2, 'b'), 0)).toEqual([]);
    expect(scheduler.handle(ended(lease('w', 1)), 10)).toEqual([granted(2, 'w', 2)]);
    expect(scheduler.handle(asked(3, 'b'), 10)).toEqual([granted(3, 'w', 3, 1)]);
  });

  test('asks sessions for their slots there, and is granted when the last of them is over', () => {
    const scheduler = after(two('w', 1), asked(1, 'a'), asked(2, 'b'));
    expect(scheduler.handle(asked(3, 'a', true), 10)).toEqual([
      end(lease('w', 1, 0), false),
      end(lease('w', 2, 1), false),
    ]);
    expect(scheduler.handle(ended(lease('w', 1, 0)), 20)).toEqual([]);
    expect(scheduler.handle(ended(lease('w', 2, 1)), 30)).toEqual([granted(3, 'w', 3)]);
  });

  test('takes the worker with the fewest slots taken, and leaves the others to everybody', () => {
    const scheduler = after(two('w1', 1), two('w2', 2), asked(1, 'a'));
    expect(scheduler.handle(asked(2, 'a', true), 0)).toEqual([granted(2, 'w2', 2)]);
    expect(scheduler.handle(asked(3, 'b'), 0)).toEqual([granted(3, 'w1', 3, 1)]);
  });

  test('waits for the code of a unary caller, which nobody interrupts', () => {
    const scheduler = after(two('w', 1), requested(1, 'u'));
    expect(scheduler.handle(asked(2, 'a', true), 0)).toEqual([]);
    expect(scheduler.handle(ended(lease('w', 1)), 50)).toEqual([granted(2, 'w', 2)]);
  });

  test.each([
    ['lost', lost('w1')],
    ['away', away('w1')],
  ])('goes to another worker when the one that was kept for it is %s', (_, event) => {
    const scheduler = after(
      two('w1', 1),
      two('w2', 2),
      asked(1, 'u'),
      asked(2, 'u'),
      asked(3, 'u'),
      asked(4, 'u'),
    );
    expect(scheduler.handle(asked(5, 'a', true), 0)).toHaveLength(2);
    expect(scheduler.handle(event, 10)).toHaveLength(2);
    scheduler.handle(ended(lease('w2', 3, 0)), 20);
    expect(scheduler.handle(ended(lease('w2', 4, 1)), 20)).toEqual([granted(5, 'w2', 5)]);
  });

  test('that is not wanted any more leaves the worker to everybody', () => {
    const scheduler = after(two('w', 1), requested(1, 'u'), asked(2, 'a', true), withdrawn(2));
    expect(scheduler.waiting).toBe(0);
    expect(scheduler.handle(asked(3, 'b'), 0)).toEqual([granted(3, 'w', 2, 1)]);
  });
});
