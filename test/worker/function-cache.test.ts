import { expect, test } from '@jest/globals';
import { Captures } from '../../src/client/shipping/captures.js';
import type { SentPart } from '../../src/wire/functions/parts.js';
import { FunctionCache } from '../../src/worker/thread/function-cache.js';

const BASE = process.cwd();
const table = [1, 2, 3];

const { source: text, parts } = Captures.none.with({ table }).ship(() => table.length);
const withoutContent: SentPart[] = parts.map((part) => ({ ...part, data: undefined }));

test('what a function needs comes once, and serves every function that needs it', () => {
  const cache = new FunctionCache(BASE);
  expect(cache.get('first', { text, parts })()).toBe(3);
  expect(cache.get('second', { text, parts: withoutContent })()).toBe(3);
  expect(cache.get('second', undefined)()).toBe(3);
});

test('a function whose parts are not kept is asked for, with all that it needs', () => {
  const cache = new FunctionCache(BASE);
  expect(() => cache.get('first', { text, parts: withoutContent })).toThrow(
    expect.objectContaining({
      code: 'code-unknown',
      message: expect.stringMatching(/does not know table \(/),
    }),
  );
  expect(cache.get('first', { text, parts })()).toBe(3);
});
