import { describe, expect, test } from '@jest/globals';
import { fits, tagSet } from '../../src/core/tags.js';

const set = (...tags: string[]) => tagSet(tags, 'tags');

describe('tags', () => {
  test.each([
    [['gpu'], ['gpu'], true],
    [['gpu'], ['cpu'], false],
    [['gpu=2'], ['gpu'], true],
    [['gpu'], ['gpu=2'], false],
    [['mem=16g'], ['mem=8g'], true],
    [['mem=16g'], ['mem=16384m'], true],
    [['mem=16gb'], ['mem=17g'], false],
    [['mem=1.5g'], ['mem=1024m'], true],
    [['cores=8'], ['cores=8'], true],
    [['cores=8'], ['cores=12'], false],
    [['zone=eu-1'], ['zone=eu-1'], true],
    [['zone=eu-1'], ['zone=eu'], false],
    [['zone=eu-1', 'zone=eu-2'], ['zone=eu-2'], true],
    [['gpu', 'mem=16g'], ['mem=8g', 'gpu'], true],
    [['mem=16g'], ['mem=8g', 'gpu'], false],
    [['gpu'], [], true],
    [[], ['gpu'], false],
  ])('a worker with %j serves what asks for %j: %s', (has, needs, isFit) => {
    expect(fits(set(...has), set(...needs))).toBe(isFit);
  });

  test('are the same set in whatever order they are given, and each once', () => {
    expect(set('b', 'a', 'b')).toEqual(set('a', 'b'));
    expect(set('b', 'a').key).toBe('a,b');
  });

  test.each([['gpu=', 'x y', '=1', 'a,b', '', 'x'.repeat(65)]])('that are none are refused: %s', (tag) => {
    expect(() => tagSet([tag], '--tag')).toThrow('--tag: expected a tag such as gpu or mem=16g');
  });
});
