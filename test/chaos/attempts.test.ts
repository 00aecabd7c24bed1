import { expect, test } from '@jest/globals';
import type { Attempt } from '../../chaos/history.js';
import { attempt, broken, call, history, round } from './histories.js';

const RULE = 'no call begins more often than its policy allows';

/** After which nothing may suffer any more that is called at 100. */
const calm = { rounds: [round({ startedAt: -2_000, recoveredAt: -2_000 })] };

/** One after the other, each in a process of its own. */
function attempts(count: number): Attempt[] {
  return Array.from({ length: count }, (_, n) =>
    attempt('a', { pid: n, beganAt: 110 + 20 * n, seenAt: 120 + 20 * n }),
  );
}

test.each([
  [0, 1],
  [undefined, 2],
  [3, 4],
])('with retries %p in a calm time a call begins at most %i times', (retries, allowed) => {
  expect(broken(history([call('a', { retries })], attempts(allowed), calm))).toEqual([]);
  expect(broken(history([call('a', { retries })], attempts(allowed + 1), calm))).toEqual([RULE]);
});

test.each([
  [0, 1],
  [undefined, 3],
  [3, 5],
])(
  'with retries %p where harm was done it begins at most %i times: of several that were lost together none is charged',
  (retries, allowed) => {
    expect(broken(history([call('a', { retries })], attempts(allowed)))).toEqual([]);
    expect(broken(history([call('a', { retries })], attempts(allowed + 1)))).toEqual([RULE]);
  },
);

test('a suspect on a worker with other slots is spared once more by each coordinator that comes back', () => {
  const several = { slotsPerWorker: 2, coordinatorKills: 2 };
  expect(broken(history([call('a')], attempts(5), several))).toEqual([]);
  expect(broken(history([call('a')], attempts(6), several))).toEqual([RULE]);
  expect(broken(history([call('a', { retries: 0 })], attempts(2), several))).toEqual([RULE]);
});

test('harm that was over when a call was made, or came when it had settled, spares it nothing', () => {
  for (const harm of [
    { startedAt: -5_000, recoveredAt: -1_001 },
    { startedAt: 201, recoveredAt: 900 },
  ])
    expect(broken(history([call('a')], attempts(3), { rounds: [round(harm)] }))).toEqual([RULE]);
});

test('a submitted task begins by its policy with each coordinator; with retries: 0 once', () => {
  const submitted = { isSubmitted: true, task: 'a1' };
  const kills = { ...calm, coordinatorKills: 2 };
  expect(broken(history([call('a', submitted)], attempts(6), kills))).toEqual([]);
  expect(broken(history([call('a', submitted)], attempts(7), kills))).toEqual([RULE]);
  expect(broken(history([call('a', { ...submitted, retries: 0 })], attempts(2), kills))).toEqual([RULE]);
});

test('what nobody called does not begin', () => {
  expect(broken(history([], [attempt('a')]))).toEqual([RULE]);
});
