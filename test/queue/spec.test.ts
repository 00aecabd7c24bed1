import { describe, expect, test } from '@jest/globals';
import { taskId } from '../../src/core/ids.js';
import { commonOfTask, type TaskWish } from '../../src/queue/spec.js';

const WISH: TaskWish = { name: 'double', functionId: 'f'.repeat(64) };
const NOW = 1_000_000;
const [FIRST, SECOND] = [taskId('a'.repeat(32)), taskId('b'.repeat(32))];

describe('what becomes of a wish', () => {
  test('says nothing that was not asked for', () => {
    const common = commonOfTask(WISH, 'somebody', NOW);
    expect(common).toMatchObject({ client: 'somebody', submittedAt: NOW, priority: 0, notBefore: 0 });
    expect(common).toMatchObject({ results: [], after: [], requires: [], retryOn: undefined });
  });

  test('counts durations from now', () => {
    const common = commonOfTask({ ...WISH, delayMs: 500, deadlineMs: 2_000 }, 'somebody', NOW);
    expect(common).toMatchObject({ notBefore: NOW + 500, deadlineAt: NOW + 2_000 });
  });

  test('comes once after each task whose result it takes or that it was to come after', () => {
    const results = [{ index: 0, id: FIRST }];
    const common = commonOfTask({ ...WISH, results, after: [SECOND, FIRST, SECOND] }, 'somebody', NOW);
    expect(common.after).toEqual([FIRST, SECOND]);
  });

  const long = 'x'.repeat(257);
  test.each<[string, Partial<TaskWish>]>([
    ['priority: expected a whole number from -100 to 100, got 101', { priority: 101 }],
    ['name: expected 1 to 256 characters, got 257', { name: long }],
    ['key: expected 1 to 256 characters, got 257', { key: long }],
    ['group: expected 1 to 256 characters, got 257', { group: { name: long, limit: 1 } }],
    [
      'group_limit: expected a whole number from 1 to 1,000,000, got 0',
      { group: { name: 'mails', limit: 0 } },
    ],
    ['retries: expected a whole number from 0 to 1,000, got 1001', { retries: 1_001 }],
    ['expected_ms: expected a duration above 0, got 0', { expectedMs: 0 }],
    ['timeout_ms: expected a duration above 0, got -1', { timeoutMs: -1 }],
    ['queue_timeout_ms: expected a duration above 0, got NaN', { queueTimeoutMs: Number.NaN }],
    ['deadline_ms: expected a duration above 0, got -5', { deadlineMs: -5 }],
  ])('is refused: %s', (message, wish) => {
    const refused = expect.objectContaining({ code: 'invalid-argument', message });
    expect(() => commonOfTask({ ...WISH, ...wish }, 'somebody', NOW)).toThrow(refused);
  });

  test('takes what is just within its bounds', () => {
    const name = 'x'.repeat(256);
    const group = { name, limit: 1_000_000 };
    const wish = { ...WISH, name, key: name, group, retries: 1_000, priority: -100 };
    expect(commonOfTask(wish, 'somebody', NOW)).toMatchObject({ name, key: name, group, retries: 1_000 });
  });
});
