import { describe, expect, test } from '@jest/globals';
import { workerId } from '../../src/core/ids.js';
import { Board } from '../../src/worker/board.js';
import { SlotLeases } from '../../src/worker/slot-leases.js';

const lease = (epoch: number, slot = 0) => ({ worker: workerId('w'), slot, epoch, ttlMs: 5_000 });

/** The leases of a worker of so many slots, and how the coordinator ends one. */
function leasesOf(slots: number) {
  const boards = Array.from({ length: slots }, () => new Board());
  const end = ({ slot, epoch }: { slot: number; epoch: number }) => boards[slot]?.end(epoch);
  return Object.assign(new SlotLeases(boards), { end });
}

/** A worker that has just seen the first lease of its only slot used, from 0 to 100. */
function usedOnce() {
  const leases = leasesOf(1);
  leases.begin(lease(1), 0);
  leases.rest(lease(1), 100);
  return leases;
}

const LOST = expect.objectContaining({ code: 'lease-lost' });
const IN_USE = expect.objectContaining({ code: 'invalid-argument' });

describe('the leases of a worker', () => {
  test('a lease is honoured when it arrives, before the coordinator has said anything', () => {
    const leases = leasesOf(1);
    leases.begin(lease(7), 0);
    expect(leases.uses(10)).toEqual([{ slot: 0, epoch: 7, inUse: true, idleMs: 0, bySession: false }]);
    expect(leases.epochs).toEqual([7]);
  });

  test('a lease in use cannot be used a second time', () => {
    const leases = leasesOf(1);
    leases.begin(lease(1), 0);
    expect(() => leases.begin(lease(1), 1)).toThrow(IN_USE);
    leases.rest(lease(1), 2);
    expect(() => leases.begin(lease(1), 3)).not.toThrow();
  });

  test('a lease at rest lives for its time to live after its last use', () => {
    expect(() => usedOnce().begin(lease(1), 5_100)).not.toThrow();
    expect(() => usedOnce().begin(lease(1), 5_101)).toThrow(LOST);
  });

  test('a lease in use does not run out', () => {
    const leases = leasesOf(1);
    leases.begin(lease(1), 0);
    leases.rest(lease(1), 1_000_000);
    expect(() => leases.begin(lease(1), 1_000_001)).not.toThrow();
  });

  test('a newer lease puts an end to those before it', () => {
    const leases = usedOnce();
    leases.begin(lease(3), 200);
    expect(() => leases.begin(lease(2), 201)).toThrow(LOST);
    expect(() => leases.begin(lease(1), 201)).toThrow(LOST);
    leases.rest(lease(1), 300); // A late end of the old one changes nothing for the new one.
    expect(leases.uses(400)).toEqual([{ slot: 0, epoch: 3, inUse: true, idleMs: 0, bySession: false }]);
  });

  test('a lease that was ended is refused, also when its end arrives before it does', () => {
    const leases = usedOnce();
    leases.end({ slot: 0, epoch: 1 });
    expect(() => leases.begin(lease(1), 101)).toThrow(LOST);
    leases.end({ slot: 0, epoch: 5 });
    expect(() => leases.begin(lease(5), 102)).toThrow(LOST);
    expect(leases.uses(103)).toEqual([]);
    expect(leases.epochs).toEqual([5]);
    expect(() => leases.begin(lease(6), 104)).not.toThrow();
  });

  test('the late end of an old lease leaves the newer one alone', () => {
    const leases = usedOnce();
    leases.begin(lease(2), 200);
    leases.end({ slot: 0, epoch: 1 });
    expect(leases.uses(300)).toEqual([{ slot: 0, epoch: 2, inUse: true, idleMs: 0, bySession: false }]);
  });

  test('tell how long each has been idle', () => {
    expect(usedOnce().uses(350)).toEqual([
      { slot: 0, epoch: 1, inUse: false, idleMs: 250, bySession: false },
    ]);
  });

  test('of one slot say nothing about another', () => {
    const leases = leasesOf(2);
    leases.begin(lease(1, 0), 0);
    leases.begin(lease(1, 1), 0);
    leases.end({ slot: 0, epoch: 1 });
    expect(leases.uses(1)).toEqual([{ slot: 1, epoch: 1, inUse: true, idleMs: 0, bySession: false }]);
    expect(leases.epochs).toEqual([1, 1]);
  });

  test('on a slot that the worker does not have are refused', () => {
    const leases = leasesOf(1);
    for (const slot of [1, -1, 0.5, Number.NaN]) expect(() => leases.begin(lease(1, slot), 0)).toThrow(LOST);
    leases.end({ slot: 9, epoch: 1 });
    leases.rest(lease(1, 9), 0);
    expect(leases.uses(0)).toEqual([]);
  });
});
