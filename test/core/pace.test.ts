import { describe, expect, test } from '@jest/globals';
import { aheadMs, appetite, hasRoom, Pace, sharedAppetite, type UnderWay } from '../../src/core/pace.js';

/** What every task costs beside its own code, in ms, as the pace counts it. */
const OVERHEAD_MS = 0.002;

function paceOf(...samples: readonly [count: number, totalMs: number][]): number {
  const pace = new Pace();
  for (const [count, totalMs] of samples) pace.note('fn', count, totalMs);
  return pace.of('fn') as number;
}

describe('the pace of a function', () => {
  test('is unknown until one of its tasks has ended', () => {
    const pace = new Pace();
    pace.note('other', 1, 5);
    expect(pace.of('fn')).toBeUndefined();
  });

  test('is at first what its first tasks took each, and a little for their way', () => {
    expect(paceOf([1, 8])).toBeCloseTo(8 + OVERHEAD_MS, 10);
    expect(paceOf([4, 8])).toBeCloseTo(2 + OVERHEAD_MS, 10);
  });

  test('is never nothing, however fast the function is', () => {
    expect(paceOf([1_000, 0], [1_000, 0])).toBeCloseTo(OVERHEAD_MS, 10);
  });

  test('moves towards the newest tasks, and not all the way', () => {
    expect(paceOf([1, 10], [1, 20])).toBeCloseTo(13 + OVERHEAD_MS, 10);
    expect(paceOf([1, 20], [1, 10])).toBeCloseTo(17 + OVERHEAD_MS, 10);
  });

  test('moves as far for many tasks told together as for each told by itself', () => {
    expect(paceOf([1, 10], [3, 60])).toBeCloseTo(paceOf([1, 10], [1, 20], [1, 20], [1, 20]), 10);
  });

  test('is soon that of its new tasks when these are many', () => {
    expect(paceOf([1, 1_000], [100, 100])).toBeCloseTo(1 + OVERHEAD_MS, 6);
  });

  test('is kept per function', () => {
    const pace = new Pace();
    pace.note('slow', 1, 100);
    pace.note('fast', 1, 1);
    expect(pace.of('slow')).toBeCloseTo(100 + OVERHEAD_MS, 10);
    expect(pace.of('fast')).toBeCloseTo(1 + OVERHEAD_MS, 10);
  });

  test('is forgotten with all others when there are too many functions, and learnt again', () => {
    const pace = new Pace();
    for (let index = 0; index < 10_000; index++) pace.note(`fn ${index}`, 1, 1);
    pace.note('fn 0', 1, 1);
    expect(pace.of('fn 9999')).toBeDefined();
    pace.note('one more', 1, 7);
    expect([pace.of('fn 0'), pace.of('fn 9999')]).toEqual([undefined, undefined]);
    expect(pace.of('one more')).toBeCloseTo(7 + OVERHEAD_MS, 10);
  });
});

describe('how much may be under way to a slot', () => {
  test('is a quarter of its share of what waits', () => {
    expect(aheadMs(100, 2, 1)).toBe(12.5);
    expect(aheadMs(100, 5, 1)).toBe(5);
  });

  test('is bounded while much waits, and never less than bridges the way of the next message', () => {
    expect(aheadMs(1_000_000, 2, 1)).toBe(25);
    expect(aheadMs(3, 2, 1)).toBe(2);
    expect(aheadMs(0, 2, 1)).toBe(2);
    expect(aheadMs(1_000, 2, 0)).toBe(2);
  });

  test('shrinks from portion to portion as what waits grows less', () => {
    const portions: number[] = [];
    for (let waiting = 400; waiting > 0; waiting -= portions.at(-1) as number) {
      portions.push(aheadMs(waiting, 4, 1));
    }
    expect(portions[0]).toBe(25);
    expect(portions.at(-1)).toBe(2);
    expect(portions).toEqual([...portions].sort((a, b) => b - a));
    expect(new Set(portions).size).toBeGreaterThan(5);
  });
});

describe('room for one more task', () => {
  const underWay = (some: Partial<UnderWay>): UnderWay => ({ tasks: 1, workMs: 1, bytes: 0, ...some });
  const nothing = underWay({ tasks: 0, workMs: 0 });

  test('is there where nothing is under way, however long and large the task is', () => {
    expect(hasRoom(nothing, 60_000, 100 * 2 ** 20, 2)).toBe(true);
    expect(hasRoom(nothing, undefined, 0, 2)).toBe(true);
  });

  test('is not there behind others for what may take any time', () => {
    expect(hasRoom(underWay({}), undefined, 0, 25)).toBe(false);
  });

  test('ends where the work under way would be more than its limit', () => {
    expect(hasRoom(underWay({ workMs: 3 }), 1, 0, 4)).toBe(true);
    expect(hasRoom(underWay({ workMs: 3 }), 1.001, 0, 4)).toBe(false);
  });

  test('ends where the arguments under way would be more than a megabyte', () => {
    const slot = underWay({ bytes: 2 ** 20 - 100 });
    expect([hasRoom(slot, 1, 100, 25), hasRoom(slot, 1, 101, 25)]).toEqual([true, false]);
  });
});

describe('the appetite for tasks of one function', () => {
  test('is two per slot while nobody knows how long they take', () => {
    expect([appetite(1, undefined), appetite(8, undefined)]).toEqual([2, 16]);
  });

  test('is two per slot for long tasks', () => {
    expect(appetite(8, 10_000)).toBe(16);
  });

  test('is more the shorter the tasks are, up to a cap per slot', () => {
    expect(appetite(2, 0.5)).toBe(32);
    expect(appetite(2, 0.08)).toBe(200);
    expect(appetite(2, OVERHEAD_MS)).toBe(2 * 2_048);
    expect(appetite(3, 0)).toBe(3 * 2_048);
  });

  test('is a whole number', () => {
    expect(appetite(3, 3)).toBe(8);
  });

  test('is not nothing while there is no slot', () => {
    expect([appetite(0, undefined), appetite(0, 1)]).toEqual([2, 2]);
  });
});

describe('the appetite of a coordinator that shares tasks with others', () => {
  test('is one for each slot while nobody knows how long they take', () => {
    expect([0, 1, 8].map((slots) => sharedAppetite(slots, undefined))).toEqual([0, 1, 8]);
  });

  test('is one for each slot of tasks that others could run meanwhile', () => {
    expect(sharedAppetite(4, 8)).toBe(4);
    expect(sharedAppetite(4, 60_000)).toBe(4);
  });

  test('is more the shorter they are, and nothing without a slot', () => {
    expect(sharedAppetite(2, 4)).toBe(4);
    expect(sharedAppetite(2, 0.1)).toBe(160);
    expect(sharedAppetite(0, 0.1)).toBe(0);
  });

  test('has an end, however short they are', () => {
    expect(sharedAppetite(2, 0)).toBe(4_096);
  });
});
