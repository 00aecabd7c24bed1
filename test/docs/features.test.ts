import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

test.each(['docs/features.md', 'docs/guarantees.md', 'docs/security.md'])(
  'every test that %s names is there',
  (document) => {
    const named = [...readFileSync(document, 'utf8').matchAll(/`(test\/[^`]+)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  },
);
