import { describe, expect, test } from '@jest/globals';
import { Autoscaler, type Load } from '../../src/core/autoscaler.js';

const LIMITS = { min: 1, max: 8, idleMs: 30_000 };
const IDLE: Load = { wanted: 2, attached: 2, inUse: 0, slots: 1, missing: 0 };
const busy = (wanted: number, missing: number): Load => ({
  wanted,
  attached: wanted,
  inUse: wanted,
  slots: 1,
  missing,
});

describe('a pool whose number of workers follows the work', () => {
  test('grows when something has waited for a second, and not before', () => {
    const autoscaler = new Autoscaler(LIMITS);
    expect(autoscaler.next(busy(2, 1), 0)).toBe(2);
    expect(autoscaler.next(busy(2, 1), 999)).toBe(2);
    expect(autoscaler.next(busy(2, 1), 1_000)).toBe(3);
  });

  test('does not grow for what waits now and then', () => {
    const autoscaler = new Autoscaler(LIMITS);
    for (let now = 0; now < 20_000; now += 500)
      expect(autoscaler.next(busy(2, now % 1_000 === 0 ? 9 : 0), now)).toBe(2);
  });

  test('grows by what waits, at most to twice as many in a step, and to no more than its limit', () => {
    const autoscaler = new Autoscaler(LIMITS);
    let wanted = 1;
    const seen = [wanted];
    for (let now = 0; now <= 6_000; now += 250) {
      const next = autoscaler.next(busy(wanted, 100), now);
      if (next !== wanted) seen.push(next);
      wanted = next;
    }
    expect(seen).toEqual([1, 2, 4, 8]);
  });

  test('counts the slots of the workers to come', () => {
    const autoscaler = new Autoscaler(LIMITS);
    const load = { ...busy(2, 3), slots: 4 };
    autoscaler.next(load, 0);
    expect(autoscaler.next(load, 1_000)).toBe(3);
  });

  test('waits for those that are starting before it asks for more', () => {
    const autoscaler = new Autoscaler(LIMITS);
    const load = { ...busy(4, 100), attached: 3 };
    for (let now = 0; now < 10_000; now += 250) expect(autoscaler.next(load, now)).toBe(4);
    expect(autoscaler.next(busy(4, 100), 10_000)).toBe(8);
  });

  test('shrinks to the most that were in use at a time, when that has been fewer for the idle time', () => {
    const autoscaler = new Autoscaler(LIMITS);
    const load = (inUse: number) => ({ ...IDLE, wanted: 6, attached: 6, inUse });
    expect(autoscaler.next(load(1), 0)).toBe(6);
    expect(autoscaler.next(load(3), 10_000)).toBe(6);
    expect(autoscaler.next(load(0), 29_999)).toBe(6);
    expect(autoscaler.next(load(0), 30_000)).toBe(3);
  });

  test('keeps its least number, however idle it is', () => {
    const autoscaler = new Autoscaler({ ...LIMITS, min: 2 });
    expect(autoscaler.next({ ...IDLE, wanted: 4, attached: 4 }, 0)).toBe(4);
    expect(autoscaler.next({ ...IDLE, wanted: 4, attached: 4 }, 30_000)).toBe(2);
  });

  test('begins to count its idle time anew when something waits', () => {
    const autoscaler = new Autoscaler(LIMITS);
    expect(autoscaler.next(IDLE, 0)).toBe(2);
    expect(autoscaler.next(busy(2, 1), 20_000)).toBe(2);
    expect(autoscaler.next(IDLE, 20_250)).toBe(2);
    expect(autoscaler.next(IDLE, 50_249)).toBe(2);
    expect(autoscaler.next(IDLE, 50_250)).toBe(1);
  });

  test('does not count the time in which workers start as idle', () => {
    const autoscaler = new Autoscaler(LIMITS);
    const load = { ...IDLE, wanted: 4 };
    for (let now = 0; now <= 60_000; now += 250) expect(autoscaler.next(load, now)).toBe(4);
    expect(autoscaler.next({ ...load, attached: 4 }, 60_250)).toBe(4);
    expect(autoscaler.next({ ...load, attached: 4 }, 90_249)).toBe(4);
    expect(autoscaler.next({ ...load, attached: 4 }, 90_250)).toBe(1);
  });

  test('takes what somebody asks for as far as its limits go', () => {
    const autoscaler = new Autoscaler(LIMITS);
    expect([0, 5, 99].map((workers) => autoscaler.clamp(workers))).toEqual([1, 5, 8]);
  });
});
