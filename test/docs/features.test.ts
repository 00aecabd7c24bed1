import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

test('every test that docs/features.md names is there', () => {
  const named = [...readFileSync('docs/features.md', 'utf8').matchAll(/`(test\/[^`]+)`/g)].map(
    (match) => match[1] ?? '',
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !existsSync(file))).toEqual([]);
});
