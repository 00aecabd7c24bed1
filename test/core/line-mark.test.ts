import { expect, test } from '@jest/globals';
import { NO_LINE, wasTold } from '../../src/core/queue/line-mark.js';

const line = (attempt: number, number: number, at: number) => ({ attempt, number, at });

test('a line comes after those of its attempt with lower numbers', () => {
  expect(wasTold(line(1, 1, 10), NO_LINE)).toBe(false);
  expect(wasTold(line(1, 2, 10), line(1, 1, 10))).toBe(false);
  expect(wasTold(line(1, 1, 10), line(1, 1, 10))).toBe(true);
  expect(wasTold(line(1, 1, 10), line(1, 3, 12))).toBe(true);
});

test('those of earlier attempts that are told once more were told', () => {
  expect(wasTold(line(2, 1, 20), line(1, 9, 19))).toBe(false);
  expect(wasTold(line(1, 9, 19), line(2, 1, 20))).toBe(true);
  expect(wasTold(line(1, 9, 20), line(2, 1, 20))).toBe(true);
});

test('what comes after an attempt that its server did not outlive is new, also with a lower number', () => {
  expect(wasTold(line(2, 1, 90), line(3, 4, 20))).toBe(false);
});
