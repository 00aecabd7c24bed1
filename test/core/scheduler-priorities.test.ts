import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AGEING_MS } from '../../src/core/scheduler/waiting-line.js';
import type { Scheduler, SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import {
  after,
  attached,
  end,
  ended,
  grant,
  lease,
  regraded,
  released,
  requested,
  servedInTurn,
  withdrawn,
} from './story.js';

/** One worker whose only slot client `x` holds since the instant 0, its first lease. */
const oneSlot = (): Scheduler => after(attached('w1'), requested(0, 'x'));

function also(scheduler: Scheduler, now: number, ...events: readonly SchedulerEvent[]): Scheduler {
  for (const event of events) scheduler.handle(event, now);
  return scheduler;
}

const urgently = (request: number, client: string, priority = 1) => requested(request, client, { priority });
const bySession = (request: number, client: string, priority = 0) =>
  requested(request, client, { bySession: true, priority });

describe('who is next', () => {
  test('the highest priority, though it came last', () => {
    const scheduler = also(oneSlot(), 0, urgently(1, 'a', -1), requested(2, 'a'), urgently(3, 'a', 5));
    expect(servedInTurn(scheduler, lease('w1', 1), [10, 10, 10])).toEqual([3, 2, 1]);
  });

  test('across clients too, whatever they have used', () => {
    const scheduler = also(oneSlot(), 0, requested(1, 'a'), urgently(2, 'x'), urgently(3, 'x'));
    expect(servedInTurn(scheduler, lease('w1', 1), [500, 500, 500])).toEqual([2, 3, 1]);
  });

  test('at one priority clients take turns, and within a client whoever came first', () => {
    const scheduler = also(oneSlot(), 0, urgently(1, 'a'), urgently(2, 'a'), urgently(3, 'a'));
    also(scheduler, 0, urgently(11, 'b'), urgently(12, 'b'), requested(21, 'c'));
    expect(servedInTurn(scheduler, lease('w1', 1), [10, 10, 10, 10, 10, 10])).toEqual([1, 11, 2, 12, 3, 21]);
  });

  test('what a client uses at one priority does not count against it at another', () => {
    const scheduler = after(attached('w1'), urgently(1, 'a'), requested(2, 'a'), requested(3, 'a'));
    also(scheduler, 0, requested(11, 'b'), requested(12, 'b'));
    // a has used 900 ms when both begin at priority 0.
    expect(servedInTurn(scheduler, lease('w1', 1), [900, 10, 10, 10])).toEqual([2, 11, 3, 12]);
  });

  test('a request that is withdrawn leaves the line of its priority', () => {
    const scheduler = also(oneSlot(), 0, urgently(1, 'a'), requested(2, 'a'), withdrawn(1));
    expect(scheduler.waiting).toBe(1);
    expect(servedInTurn(scheduler, lease('w1', 1), [10])).toEqual([2]);
  });
});

describe('a line that stands still', () => {
  /** One slot, and an urgent request always in line; it is given on every second. Tells when others are served. */
  function beside(others: readonly SchedulerEvent[], urgent: number, untilMs: number): [number, number][] {
    const scheduler = also(oneSlot(), 0, ...others);
    let key = lease('w1', 1);
    const served: [number, number][] = [];
    for (let now = 1_000, next = 1_000; now <= untilMs; now += 1_000, next += 1) {
      scheduler.handle(requested(next, 'busy', { priority: urgent }), now - 500);
      for (const command of scheduler.handle(ended(key), now)) {
        if (command.type !== 'grant-lease') continue;
        key = command.lease;
        if (command.request < 1_000) served.push([command.request, now]);
      }
    }
    return served;
  }

  test('rises by one priority for every half a minute, and falls back when it is served', () => {
    const two = [requested(1, 'a'), requested(2, 'a')];
    // The urgent line, served every second, has itself stood still for up to a second.
    expect(beside(two, 1, 100_000)).toEqual([
      [1, 31_000],
      [2, 63_000],
    ]);
    expect(beside(two, 2, 130_000)).toEqual([
      [1, 61_000],
      [2, 123_000],
    ]);
  });

  test('is fair between its clients', () => {
    const four = [requested(1, 'a'), requested(2, 'a'), requested(3, 'b'), requested(4, 'c')];
    expect(beside(four, 1, 130_000).map(([request]) => request)).toEqual([1, 3, 4, 2]);
  });

  test('is not ahead of others that have stood still for as long', () => {
    const scheduler = also(oneSlot(), 0, requested(1, 'a'), requested(2, 'a'));
    also(scheduler, 5_000, urgently(3, 'b'));
    expect(servedInTurn(scheduler, lease('w1', 1), [600_000, 10])).toEqual([3, 1]);
  });

  test('never starves: whatever is waiting is served in a time that its place and its priority tell', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -4, max: 0 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(3),
        (low, high, ahead) => {
          const line = Array.from({ length: ahead + 1 }, (_, n) => requested(n + 1, 'a', { priority: low }));
          const boundMs = (ahead + 1) * ((high - low) * AGEING_MS + 2_000);
          const served = beside(line, high, boundMs);
          expect(served.map(([request]) => request)).toEqual(line.map((_, n) => n + 1));
        },
      ),
      { seed: 1, numRuns: 30 },
    );
  });
});

describe('leases of sessions', () => {
  const held = (epoch: number, worker: string) => lease(worker, epoch);

  test('are asked back at once for what is more urgent, those of the lowest priority first', () => {
    const scheduler = after(
      attached('w1', 1),
      attached('w2', 2),
      attached('w3', 3),
      bySession(1, 'a', 1),
      bySession(2, 'a', 0),
      bySession(3, 'b', -1),
    );
    expect(scheduler.handle(bySession(4, 'c', 2), 1)).toEqual([end(held(3, 'w3'), false)]);
    expect(scheduler.handle(urgently(5, 'd', 2), 1)).toEqual([end(held(2, 'w2'), false)]);
    // Nothing is left that is less urgent.
    expect(scheduler.handle(bySession(6, 'e', 1), 1)).toEqual([]);
  });

  test('are not asked back for more than wait at higher priorities', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), bySession(1, 'a'), bySession(2, 'a'));
    expect(scheduler.handle(urgently(3, 'b'), 1)).toEqual([end(held(1, 'w1'), false)]);
    expect(scheduler.handle(requested(4, 'a'), 1)).toEqual([]);
    expect(scheduler.handle(urgently(5, 'b'), 1)).toEqual([end(held(2, 'w2'), false)]);
  });

  test('of the client itself are not: it uses them for what is more urgent', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), bySession(1, 'a'), bySession(2, 'b'));
    expect(scheduler.handle(bySession(3, 'a', 1), 1)).toEqual([end(held(2, 'w2'), false)]);
    const alone = after(attached('w1', 1), bySession(1, 'a'));
    expect(alone.handle(bySession(2, 'a', 1), 1)).toEqual([]);
  });

  test('of higher priority are asked back when a line has aged up to them, one at a time', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), bySession(1, 'a', 1), bySession(2, 'a', 1));
    expect(scheduler.handle(requested(3, 'b'), 1_000)).toEqual([]);
    also(scheduler, 1_000, requested(4, 'b'));
    expect(scheduler.nextTimeAt).toBe(1_000 + AGEING_MS);
    expect(scheduler.handle({ type: 'time-passed' }, 1_000 + AGEING_MS)).toEqual([end(held(1, 'w1'), false)]);
    expect(scheduler.handle(ended(held(1, 'w1')), 31_100)).toEqual([grant(3, held(3, 'w1'))]);
    expect(scheduler.nextTimeAt).toBe(31_100 + 5_000); // The lease is not used.
    also(scheduler, 31_200, released(held(3, 'w1')), ended(held(3, 'w1')));
  });

  test('count at the priority of what they are used for', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), bySession(1, 'a', 1), bySession(2, 'b', 1));
    also(scheduler, 0, regraded(0, held(2, 'w2')));
    expect(scheduler.handle(bySession(3, 'c', 1), 1)).toEqual([end(held(2, 'w2'), false)]);
    const raised = after(attached('w1', 1), attached('w2', 2), bySession(1, 'a'), bySession(2, 'b'));
    also(raised, 0, regraded(1, held(1, 'w1')), regraded(7, lease('w1', 99)), regraded(7, lease('gone', 1)));
    expect(raised.handle(bySession(3, 'c', 1), 1)).toEqual([end(held(2, 'w2'), false)]);
  });

  test('are shared within a priority as they were without others', () => {
    const scheduler = after(attached('w1', 1), attached('w2', 2), bySession(1, 'a', 3), bySession(2, 'a', 3));
    expect(scheduler.handle(bySession(3, 'b', 3), 1)).toEqual([end(held(1, 'w1'), false)]);
  });
});
