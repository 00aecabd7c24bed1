import { describe, expect, test } from '@jest/globals';
import { parseBench } from '../../src/grapher/bench.js';
import { kindOf } from '../../src/grapher/csv.js';
import { GrapherError } from '../../src/grapher/errors.js';
import { parseProfile } from '../../src/grapher/profile.js';
import { BENCH_HEADER, benchText, PROFILE_HEADER, profileText } from './profile-text.js';

const GOOD = '0.1,worker-1,1,0.5,3,0,12.5,1000';
const withRow = (row: string): string => `${PROFILE_HEADER}\n${GOOD}\n${row}\n`;
const read = (text: string) => () => parseProfile(text, 'a.csv');

describe('what a file is', () => {
  test('is told by its header, in any order and with further columns', () => {
    expect(kindOf(`${PROFILE_HEADER}\n`, 'a.csv')).toBe('profile');
    expect(kindOf(`${BENCH_HEADER}\r\n`, 'a.csv')).toBe('bench');
    expect(kindOf(`\uFEFFnote,${PROFILE_HEADER.split(',').reverse().join(',')}\n`, 'a.csv')).toBe('profile');
  });

  test('a stranger is refused with what was expected and what was found', () => {
    const refused = () => kindOf('a,b\n1,2\n', 'a.csv');
    expect(refused).toThrow(GrapherError);
    expect(refused).toThrow(
      /^a\.csv, line 1: not a file that offhand wrote: expected .*time_s.*got "a,b"\.$/,
    );
  });

  test('an empty file is called empty', () => {
    expect(() => kindOf('', 'a.csv')).toThrow(
      'a.csv is empty: expected a CSV with a header that offhand wrote.',
    );
    expect(() => kindOf(' \n\n', 'a.csv')).toThrow('is empty');
  });

  test('what a binary file holds does not reach the terminal as it is', () => {
    expect(() => kindOf('\x1b[2J\x00\x07', 'a.csv')).toThrow('got "?[2J??"');
  });
});

describe('a profile', () => {
  test('is read row by row, with or without line break at its end', () => {
    const row = {
      timeS: 0.1,
      worker: 'worker-1',
      isBusy: true,
      busyFraction: 0.5,
      completed: 3,
      failed: 0,
      cpuPercent: 12.5,
      rssBytes: 1000,
    };
    expect(parseProfile(`${PROFILE_HEADER}\n${GOOD}\n`, 'a.csv')).toEqual([row]);
    expect(parseProfile(`${PROFILE_HEADER}\r\n${GOOD}`, 'a.csv')).toEqual([row]);
  });

  test('may leave load and memory empty', () => {
    const [row] = parseProfile(profileText([1, 'worker-1', 0, 0, 0, 0]), 'a.csv');
    expect(row).toMatchObject({ cpuPercent: null, rssBytes: null });
  });

  test('a share a little above 1 counts as 1, since two clocks are in it', () => {
    const [row] = parseProfile(profileText([1, 'worker-1', 1, 1.003, 0, 0]), 'a.csv');
    expect(row?.busyFraction).toBe(1);
  });

  test.each([
    ['0.2,worker-1,1,0.5,abc,0,,', 'a.csv, line 3: completed should be a number, got "abc".'],
    ['0.2,worker-1,1,0.5,,0,,', 'a.csv, line 3: completed should be a number, got "".'],
    ['0.2,worker-1,1,0.5,1.5,0,,', 'a.csv, line 3: completed should be a whole number, got "1.5".'],
    ['0.2,worker-1,1,-0.5,1,0,,', 'a.csv, line 3: busy_fraction should not be negative, got "-0.5".'],
    ['0.2,worker-1,yes,0.5,1,0,,', 'a.csv, line 3: busy should be 0 or 1, got "yes".'],
    ['0.2,,1,0.5,1,0,,', 'a.csv, line 3: worker should be a name, got nothing.'],
    ['0.2,worker-1,1,0.5,1,0,NaN,', 'a.csv, line 3: cpu_percent should be a number, got "NaN".'],
    ['0.2,worker-1,1,0.5,1,0', 'a.csv, line 3: expected 8 values, got 6.'],
    ['0.05,worker-1,1,0.5,1,0,,', 'a.csv, line 3: time_s goes back from 0.1 to 0.05'],
    ['0.2,"worker-1,1,0.5,1,0,,', 'a.csv, line 3: a quote is opened and never closed.'],
    ['0.2,work"er-1,1,0.5,1,0,,', 'a.csv, line 3: a quote stands where none belongs.'],
  ])('refuses %s and names file and line', (row, message) => {
    expect(read(withRow(row))).toThrow(GrapherError);
    expect(read(withRow(row))).toThrow(message);
  });

  test('a last line that was cut is refused with the way out', () => {
    expect(read(`${PROFILE_HEADER}\n${GOOD}\n0.2,worker-1,1,0.`)).toThrow(
      'a.csv, line 3: the last line is cut short (4 of 8 values): remove it to draw the lines above.',
    );
  });
});

describe('a bench', () => {
  test('gives a cell per function, clients and workers', () => {
    const cells = parseBench(benchText(1, 2), 'b.csv');
    expect(cells).toEqual([
      { function: '10 ms CPU', clients: 1, workers: 1, throughputPerS: 100, failed: 0 },
      { function: '10 ms CPU', clients: 1, workers: 2, throughputPerS: 200, failed: 0 },
    ]);
  });

  test('takes the median of repetitions', () => {
    const text = `${BENCH_HEADER}\nno-op,1,1,5,1,0,10\nno-op,1,1,5,1,2,90\nno-op,1,1,5,1,1,30\n`;
    expect(parseBench(text, 'b.csv')).toMatchObject([{ throughputPerS: 30, failed: 3 }]);
  });

  test('refuses a last figure that may have lost digits', () => {
    expect(() => parseBench(benchText(1, 2).trimEnd(), 'b.csv')).toThrow(
      'b.csv, line 3: the last line has no line break',
    );
  });

  test('refuses a cell without workers', () => {
    expect(() => parseBench(`${BENCH_HEADER}\nno-op,1,0,5,1,0,10\n`, 'b.csv')).toThrow(
      'b.csv, line 2: clients and workers should be 1 or more.',
    );
  });
});
