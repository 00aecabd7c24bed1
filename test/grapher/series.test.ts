import { describe, expect, test } from '@jest/globals';
import { lanesOf } from '../../src/grapher/lanes.js';
import { formatPercent, formatSpan } from '../../src/grapher/numbers.js';
import { parseProfile } from '../../src/grapher/profile.js';
import { type Profile, toProfile } from '../../src/grapher/series.js';
import { overallThroughput, rateOverTime, summaryOf, titleOf } from '../../src/grapher/throughput.js';
import { profileText, twoWorkers } from './profile-text.js';

const profileOf = (text: string): Profile => toProfile('results_2.csv', parseProfile(text, 'results_2.csv'));

/** One worker, one sample a second, 2 tasks in each second of `busy`. */
function oneWorker(seconds: number, busy: (second: number) => boolean): Profile {
  let completed = 0;
  const rows = Array.from(
    { length: seconds + 1 },
    (_, second): [number, string, 0 | 1, number, number, number] => {
      const isBusy = second > 0 && busy(second);
      if (isBusy) completed += 2;
      return [second, 'worker-1', isBusy ? 1 : 0, isBusy ? 1 : 0, completed, 0];
    },
  );
  return profileOf(profileText(...rows));
}

describe('the last rows of a profile', () => {
  test('do not count what was done before them, and do count who came since', () => {
    const text = profileText(
      [500, 'worker-1', 1, 1, 9_000, 7],
      [501, 'worker-1', 1, 1, 9_002, 8],
      [501, 'worker-2', 1, 1, 3, 0],
      [502, 'worker-1', 1, 1, 9_004, 8],
      [502, 'worker-2', 1, 1, 4, 0],
    );
    const rows = parseProfile(text, 'results_2.csv');
    expect(toProfile('results_2.csv', rows, true)).toMatchObject({ completed: 8, failed: 1 });
    expect(toProfile('results_2.csv', rows)).toMatchObject({ completed: 9_008, failed: 8 });
  });
});

describe('overall throughput', () => {
  test('is the tasks completed by the seconds in which tasks ran', () => {
    const profile = oneWorker(100, (second) => second > 20 && second <= 80);
    expect(overallThroughput(profile)).toEqual({ perS: 2, completed: 120, failed: 0, seconds: 60 });
    expect(summaryOf(profile)).toBe('Overall throughput: 2.00 tasks/s (120 completed, 0 failed, 60.0 s)');
  });

  test('counts a pause between tasks as time', () => {
    const profile = oneWorker(100, (second) => second <= 10 || second > 90);
    expect(overallThroughput(profile)).toMatchObject({ seconds: 100, perS: 0.4 });
  });

  test('groups thousands', () => {
    const text = profileText([0, 'worker-1', 0, 0, 0, 0], [100, 'worker-1', 1, 1, 1230, 4]);
    expect(summaryOf(profileOf(text))).toBe(
      'Overall throughput: 12.30 tasks/s (1,230 completed, 4 failed, 100.0 s)',
    );
  });

  test('counts a lease with nothing to run as waiting', () => {
    const leased = [1, 2, 3].map((at): [number, string, 1, number, number, number] => [
      at,
      'worker-1',
      1,
      0,
      0,
      0,
    ]);
    const text = profileText([0, 'worker-1', 0, 0, 0, 0], ...leased, [4, 'worker-1', 1, 1, 5, 0]);
    expect(overallThroughput(profileOf(text)).seconds).toBe(1);
  });

  test('says in a sentence that no task ran', () => {
    expect(summaryOf(profileOf(profileText()))).toBe(
      'Overall throughput: none, no task ran in results_2.csv.',
    );
    expect(summaryOf(oneWorker(5, () => false))).toContain('no task ran');
  });

  test('does not divide by a single sample', () => {
    expect(summaryOf(profileOf(profileText([0, 'worker-1', 1, 1, 5, 0])))).toBe(
      'Overall throughput: unknown, results_2.csv holds a single sample (5 completed, 0 failed).',
    );
  });
});

describe('series', () => {
  test('a counter that goes back to 0 belongs to a new process and loses nothing', () => {
    const text = profileText(
      [1, 'worker-1', 1, 1, 10, 1],
      [2, 'worker-1', 1, 1, 20, 1],
      [3, 'worker-1', 1, 1, 4, 0],
      [4, 'worker-1', 1, 1, 9, 2],
    );
    expect(profileOf(text)).toMatchObject({ completed: 29, failed: 3 });
  });

  test('workers are in the order of their numbers', () => {
    const rows = [10, 2, 1].map((n): [number, string, 0, number, number, number] => [
      1,
      `worker-${n}`,
      0,
      0,
      0,
      0,
    ]);
    const { workers } = profileOf(profileText(...rows));
    expect(workers.map(({ worker }) => worker)).toEqual(['worker-1', 'worker-2', 'worker-10']);
  });

  test('an interval reaches back to the sample before it, also where the worker was not in that', () => {
    const text = profileText(
      [1, 'worker-1', 0, 0, 0, 0],
      [2, 'worker-1', 0, 0, 0, 0],
      [2, 'worker-2', 1, 1, 3, 0],
      [3, 'worker-1', 0, 0, 0, 0],
      [4, 'worker-1', 0, 0, 0, 0],
      [4, 'worker-2', 1, 1, 3, 0],
    );
    expect(profileOf(text).workers[1]?.intervals).toMatchObject([
      { startS: 1, endS: 2 },
      { startS: 3, endS: 4 },
    ]);
  });

  test('rows of one sample may differ by milliseconds', () => {
    const text = profileText(
      [1, 'worker-1', 0, 0, 0, 0],
      [1.002, 'worker-2', 1, 1, 0, 0],
      [2, 'worker-1', 1, 1, 0, 0],
      [2.003, 'worker-2', 1, 1, 0, 0],
    );
    expect(profileOf(text).workers.map(({ intervals }) => intervals[1])).toMatchObject([
      { startS: 1.002, endS: 2.003 },
      { startS: 1.002, endS: 2.003 },
    ]);
  });
});

describe('throughput over time', () => {
  test('adds up to the tasks that completed', () => {
    const profile = profileOf(twoWorkers());
    const { points } = rateOverTime(profile);
    const tasks = points.reduce(
      (sum, { startS, endS, completedPerS }) => sum + completedPerS * (endS - startS),
      0,
    );
    expect(tasks).toBeCloseTo(profile.completed, 6);
    expect(points[0]?.startS).toBe(0);
    expect(points.at(-1)?.endS).toBe(10);
  });

  test('is counted in windows that suit the length of the run', () => {
    expect(rateOverTime(oneWorker(10, () => true)).windowS).toBe(1);
    expect(rateOverTime(oneWorker(1800, () => true)).windowS).toBe(20);
    expect(rateOverTime(oneWorker(5, () => false)).points).toEqual([]);
  });
});

describe('lanes', () => {
  test('show who was busy when, and how much of the run', () => {
    const lanes = lanesOf(profileOf(twoWorkers()));
    expect(lanes?.workers.map(({ label, share }) => [label, share])).toEqual([
      ['worker-1', 1],
      ['worker-2', 0.25],
    ]);
    expect(lanes?.together?.share).toBe(0.625);
    expect(lanes?.workers[1]?.cells).toEqual([
      { startS: 0, endS: 5, running: 0, leased: 0 },
      { startS: 5, endS: 10, running: 0.5, leased: 1 },
    ]);
    expect(lanes?.workers[0]?.failuresAtS).toEqual([9]);
  });

  test('leave out long idle time around the tasks', () => {
    const lanes = lanesOf(oneWorker(1000, (second) => second > 500 && second <= 600));
    expect(lanes?.shown).toEqual({ startS: 497, endS: 603 });
    expect(lanes?.workers[0]?.share).toBe(1);
  });

  test('have a gap where the worker was away', () => {
    const away = [1, 2, 3, 4, 5].flatMap((at): [number, string, 1, number, number, number][] => [
      [at, 'worker-1', 1, 1, at, 0],
      ...(at === 3 ? [] : [[at, 'worker-2', 1, 1, at, 0] as [number, string, 1, number, number, number]]),
    ]);
    const cells = lanesOf(profileOf(profileText(...away)))?.workers[1]?.cells;
    expect(cells).toMatchObject([{ endS: 2 }, { startS: 3 }]);
  });

  test('of a long run are drawn in as many columns as a page has room for', () => {
    const lanes = lanesOf(oneWorker(5000, (second) => second % 7 > 2));
    expect(lanes?.workers[0]?.cells.length).toBeLessThanOrEqual(700);
    expect(lanes?.workers[0]?.share).toBeCloseTo(4 / 7, 2);
  });
});

describe('words', () => {
  test('a title says what ran', () => {
    expect(titleOf(profileOf(twoWorkers()))).toBe('results_2.csv: 2 workers, 125 tasks in 10.0 s, 1 failed');
    expect(titleOf(oneWorker(5, () => false))).toBe('results_2.csv: 1 worker, no tasks');
  });

  test('a share that is not quite all or nothing never reads as such', () => {
    expect([0, 0.001, 0.5, 0.999, 1].map(formatPercent)).toEqual(['0 %', '<1 %', '50 %', '>99 %', '100 %']);
  });

  test('spans are said as people say them', () => {
    expect([3, 100, 1800, 1865, 7440, 36_000].map(formatSpan)).toEqual([
      '3.0 s',
      '100.0 s',
      '30 min',
      '31 min 5 s',
      '124 min',
      '10 h',
    ]);
  });
});
