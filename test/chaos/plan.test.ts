import { expect, test } from '@jest/globals';
import { FAULT_KINDS, planOf, type PlannedFault } from '../../chaos/plan.js';
import { Random } from '../../chaos/random.js';

function rounds(seed: number, count: number): PlannedFault[][] {
  const plan = planOf(new Random(seed));
  return Array.from({ length: count }, () => plan.next().value);
}

test.each([1, 7, 616_926])(
  'with seed %i the restart that shows whose leases lived comes first, alone',
  (seed) => {
    const [first = [], ...others] = rounds(seed, 12);
    expect(first.map(({ kind }) => kind)).toEqual(['restart-coordinator-alone']);
    for (const round of others)
      if (round.some(({ kind }) => kind === 'restart-coordinator-alone')) expect(round).toHaveLength(1);
  },
);

test('every kind comes once before any comes again, and the same seed brings the same', () => {
  const kinds = rounds(3, 30).flat();
  const once = kinds.slice(0, FAULT_KINDS.length).map(({ kind }) => kind);
  expect(once.toSorted()).toEqual(FAULT_KINDS.toSorted());
  expect(rounds(3, 30).flat()).toEqual(kinds);
  expect(rounds(4, 30).flat()).not.toEqual(kinds);
});
