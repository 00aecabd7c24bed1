import { describe, expect, test } from '@jest/globals';
import { requestId, workerId } from '../../src/core/ids.js';
import type { LeaseKey } from '../../src/core/scheduler/lease.js';
import { POLICIES, type PolicyName } from '../../src/core/scheduler/placement.js';
import type { Scheduler, SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import { afterBy, attached, away, draining, ended, lost, requested, slotAt, withdrawn } from './story.js';

/** Where each request was placed, by its number, as events are told. */
class Placements {
  readonly of: Record<number, string> = {};
  readonly #leases = new Map<number, LeaseKey>();
  readonly scheduler: Scheduler;

  constructor(policy: PolicyName, ...events: readonly SchedulerEvent[]) {
    this.scheduler = afterBy(policy);
    this.tell(0, ...events);
  }

  tell(now: number, ...events: readonly SchedulerEvent[]): this {
    for (const event of events)
      for (const command of this.scheduler.handle(event, now)) {
        if (command.type !== 'grant-lease') continue;
        this.of[command.request] = command.lease.worker;
        this.#leases.set(command.request, command.lease);
      }
    return this;
  }

  /** How long what was granted is expected to take, in ms; NaN where nobody knows. */
  expectedMs(request: number): number {
    return this.scheduler.granted(this.#leases.get(request)!)?.use?.expectedMs ?? Number.NaN;
  }

  /** For which worker a request waits. */
  planOf(request: number): string | undefined {
    return this.scheduler.planOf(requestId(request));
  }

  /** The tasks of these requests end, in this order. */
  end(now: number, ...requests: readonly number[]): this {
    for (const request of requests) this.tell(now, ended(this.#leases.get(request)!));
    return this;
  }
}

const task = (request: number, expectedMs: number) => requested(request, 'c', { expectedMs });
const oneSlotEach = (count: number) => Array.from({ length: count }, (_, n) => attached(`w${n + 1}`, n + 1));
const slots = (worker: string, rank: number, count: number) =>
  attached(
    worker,
    rank,
    Array.from({ length: count }, () => slotAt(0)),
  );

describe('three workers of one slot, and tasks of known durations', () => {
  /** Two of 2 s and one of 5 s run; 3 s, 1 s and 1 s wait. The second worker's word comes first. */
  const run = (policy: PolicyName) =>
    new Placements(policy, ...oneSlotEach(3), task(1, 2_000), task(2, 2_000), task(3, 5_000))
      .tell(0, task(4, 3_000), task(5, 1_000), task(6, 1_000))
      .end(2_000, 2, 1)
      .end(3_000, 5)
      .end(5_000, 3, 4, 6).of;

  test('least-remaining: each goes to the worker that had least to do when it came', () => {
    // Before the fourth: 2, 2, 5 s. Before the fifth: 5, 2, 5. Before the sixth: 5, 3, 5.
    expect(run('least-remaining')).toEqual({ 1: 'w1', 2: 'w2', 3: 'w3', 4: 'w1', 5: 'w2', 6: 'w2' });
  });

  test('first-free: each goes to whichever is free first', () => {
    expect(run('first-free')).toEqual({ 1: 'w1', 2: 'w2', 3: 'w3', 4: 'w2', 5: 'w1', 6: 'w1' });
  });
});

describe('least-remaining', () => {
  const by = (...events: readonly SchedulerEvent[]) => new Placements('least-remaining', ...events);

  test('takes the worker with the least work where several have a free slot', () => {
    const placed = by(slots('w1', 1, 2), slots('w2', 2, 2), task(1, 5_000), task(2, 1_000), task(3, 1_000));
    expect(placed.of).toEqual({ 1: 'w1', 2: 'w2', 3: 'w2' });
    expect(
      new Placements('first-free', slots('w1', 1, 2), slots('w2', 2, 2), task(1, 1), task(2, 1)).of,
    ).toEqual({
      1: 'w1',
      2: 'w1',
    });
  });

  test('counts what has run already as done', () => {
    const placed = by(...oneSlotEach(2), task(1, 3_000), task(2, 5_000)).tell(2_900, task(3, 100));
    placed.tell(2_950, task(4, 100)); // 50 + 100 ms to do on one, 2,050 on the other.
    placed.end(3_000, 1).end(3_100, 3);
    expect(placed.of).toEqual({ 1: 'w1', 2: 'w2', 3: 'w1', 4: 'w1' });
  });

  test('takes a task that is overdue for one that may end any moment', () => {
    const placed = by(...oneSlotEach(2), task(1, 100), task(2, 5_000)).tell(4_000, task(3, 100));
    expect(placed.planOf(3)).toBe('w1');
  });

  test('moves a task that waits to a worker that is idle', () => {
    const placed = by(...oneSlotEach(2), task(1, 1_000), task(2, 2_000), task(3, 500));
    expect(placed.planOf(3)).toBe('w1');
    expect(placed.end(200, 2).of[3]).toBe('w2'); // Long before it was to end.
  });

  test.each([
    ['drained', draining('w1')],
    ['away', away('w1')],
    ['lost', lost('w1')],
  ])('binds anew what is bound to a worker that is %s, in the order in which it came', (_, event) => {
    const placed = by(...oneSlotEach(3), task(1, 1_000), task(2, 2_000), task(3, 2_500));
    placed.tell(0, task(4, 600), task(5, 600), task(6, 600));
    expect([4, 5, 6].map((request) => placed.planOf(request))).toEqual(['w1', 'w1', 'w2']);
    placed.tell(10, event);
    // 2 s and 0.6 to do on one, 2.5 on the other; then 3.1 there.
    expect([4, 5, 6].map((request) => placed.planOf(request))).toEqual(['w3', 'w2', 'w2']);
  });

  test('binds what nobody was there for when a worker comes', () => {
    const placed = by(task(1, 100), task(2, 100));
    expect(placed.planOf(2)).toBeUndefined();
    placed.tell(10, attached('w1', 1));
    expect([placed.of[1], placed.planOf(2)]).toEqual(['w1', 'w1']);
  });

  test('forgets what does not wait any more', () => {
    const placed = by(...oneSlotEach(2), task(1, 1_000), task(2, 1_100), task(3, 5_000), withdrawn(3));
    placed.tell(0, task(4, 10));
    expect(placed.planOf(4)).toBe('w1');
  });

  test('learns what a function takes, and how fast each worker is', () => {
    const named = (request: number) => requested(request, 'c', { fn: 'render' });
    const placed = by(...oneSlotEach(2));
    let now = 0;
    for (let request = 1; request < 100; request += 2) {
      placed.tell(now, named(request), named(request + 1));
      // Whichever gets it: the first worker takes twice as long as the second.
      const onFirst = placed.of[request] === 'w1' ? request : request + 1;
      placed.end(now + 100, onFirst === request ? request + 1 : request).end(now + 200, onFirst);
      now += 300;
    }
    placed.tell(now, named(101));
    expect(placed.of[101]).toBe('w2'); // Of two that are idle the faster one.
    placed.tell(now, named(102));
    const [fast, slow] = [placed.expectedMs(101), placed.expectedMs(102)];
    for (const learnt of [fast, slow / 2]) expect(Math.abs(learnt - 100)).toBeLessThan(15);
  });

  test('puts what is more urgent first, whatever is bound to the worker', () => {
    const placed = by(...oneSlotEach(2), task(1, 100), task(2, 200), task(3, 100));
    placed.tell(10, requested(4, 'c', { expectedMs: 100, priority: 1 }));
    expect(placed.end(100, 1).of).toEqual({ 1: 'w1', 2: 'w2', 4: 'w1' });
  });
});

describe('round-robin', () => {
  test('takes the workers in turn, those that are busy left out', () => {
    const placed = new Placements('round-robin', ...oneSlotEach(3), task(1, 1), task(2, 1), task(3, 1));
    placed.end(10, 1, 2, 3).tell(20, task(4, 1)).end(30, 4).tell(40, task(5, 1), task(6, 1)).end(50, 5, 6);
    placed.tell(60, task(7, 1));
    expect(placed.of).toEqual({ 1: 'w1', 2: 'w2', 3: 'w3', 4: 'w1', 5: 'w2', 6: 'w3', 7: 'w1' });
    const free = new Placements('first-free', ...oneSlotEach(3), task(1, 1)).end(10, 1).tell(20, task(2, 1));
    expect(free.of).toEqual({ 1: 'w1', 2: 'w1' });
  });

  test('spreads over workers before it fills their slots', () => {
    const tasks = [1, 2, 3, 4].map((request) => task(request, 1));
    const placed = new Placements('round-robin', slots('w1', 1, 2), slots('w2', 2, 2), ...tasks);
    expect(placed.of).toEqual({ 1: 'w1', 2: 'w2', 3: 'w1', 4: 'w2' });
  });
});

test.each(POLICIES)('%s: what is declared or learnt is known of what runs', (policy) => {
  const placed = new Placements(policy, ...oneSlotEach(2), requested(1, 'c', { fn: 'f' }), task(2, 700));
  expect([placed.expectedMs(1), placed.expectedMs(2)]).toEqual([Number.NaN, 700]);
  placed.end(40, 1).tell(50, requested(3, 'c', { fn: 'f' }));
  expect(placed.expectedMs(3)).toBeCloseTo(40, 1);
  expect(placed.scheduler.isBusy(workerId('w1'))).toBe(true);
});
