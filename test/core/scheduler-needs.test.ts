import { describe, expect, test } from '@jest/globals';
import { workerId } from '../../src/core/ids.js';
import { POLICIES } from '../../src/core/scheduler/placement.js';
import type { SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import { tagSet } from '../../src/core/tags.js';
import { after, afterBy, end, ended, grant, lease, requested, slotAt, timePassed } from './story.js';

const tagged = (worker: string, rank: number, ...tags: string[]): SchedulerEvent => ({
  type: 'worker-attached',
  worker: workerId(worker),
  rank,
  tags: tagSet(tags, 'tags'),
  slots: [slotAt(0)],
});
const needing = (request: number, client: string, ...needs: string[]) =>
  requested(request, client, { needs: tagSet(needs, 'requires') });
const bySession = (request: number, client: string) => requested(request, client, { bySession: true });

describe.each(POLICIES)('what a request needs, by %s', (policy) => {
  test('decides which workers it may get', () => {
    const scheduler = afterBy(policy, tagged('w1', 1), tagged('w2', 2, 'gpu', 'mem=16g'));
    expect(scheduler.handle(needing(1, 'a', 'gpu', 'mem=8g'), 0)).toEqual([grant(1, lease('w2', 1))]);
    expect(scheduler.handle(needing(2, 'a', 'gpu'), 0)).toEqual([]);
    expect(scheduler.handle(requested(3, 'a'), 0)).toEqual([grant(3, lease('w1', 2))]);
    expect(scheduler.handle(ended(lease('w1', 2)), 1)).toEqual([]);
    expect(scheduler.handle(ended(lease('w2', 1)), 2)).toEqual([grant(2, lease('w2', 3))]);
  });

  test('holds up nobody who needs less', () => {
    const scheduler = afterBy(policy, tagged('w1', 1), needing(1, 'a', 'gpu'), needing(2, 'a', 'mem=1g'));
    expect(scheduler.handle(requested(3, 'a'), 0)).toEqual([grant(3, lease('w1', 1))]);
    expect(scheduler.handle(tagged('w2', 2, 'gpu'), 1)).toEqual([grant(1, lease('w2', 2))]);
    expect(scheduler.waiting).toBe(1);
  });

  test('and those who need nothing take turns at a worker that both may have', () => {
    const scheduler = afterBy(policy, tagged('w1', 1, 'gpu'), requested(0, 'x'));
    for (const request of [1, 2, 3]) scheduler.handle(requested(request, 'a'), 1);
    for (const request of [11, 12]) scheduler.handle(needing(request, 'b', 'gpu'), 2);
    const served: number[] = [];
    let key = lease('w1', 1);
    for (let now = 10; now < 60; now += 10)
      for (const command of scheduler.handle(ended(key), now)) {
        if (command.type !== 'grant-lease') continue;
        served.push(command.request);
        key = command.lease;
      }
    expect(served).toEqual([1, 11, 2, 12, 3]);
  });
});

describe('leases of sessions', () => {
  test('are asked back only where the worker is of use to who waits', () => {
    const scheduler = after(tagged('w1', 1), tagged('w2', 2, 'gpu'), bySession(1, 'a'), bySession(2, 'a'));
    expect(scheduler.handle(needing(3, 'b', 'gpu'), 0)).toEqual([]);
    expect(scheduler.nextTimeAt).toBe(100);
    expect(scheduler.handle(timePassed, 100)).toEqual([end(lease('w2', 2), false)]);
    expect(scheduler.handle(ended(lease('w2', 2)), 110)).toEqual([grant(3, lease('w2', 3))]);
    expect(scheduler.handle(needing(4, 'b', 'fpga'), 120)).toEqual([]);
    expect(scheduler.handle(timePassed, 10_000)).not.toContainEqual(end(lease('w1', 1), false));
  });
});
