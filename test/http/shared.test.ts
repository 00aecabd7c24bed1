import { expect, test } from '@jest/globals';
import { maxAgeMs, Shared } from '../../src/http/shared.js';

function counted() {
  let made = 0;
  return new Shared(() => Promise.resolve(++made));
}

test('whoever takes what is not too old is given what was made for somebody else', async () => {
  const shared = counted();
  expect(await shared.get(800, 0)).toEqual({ document: 1, ageMs: 0 });
  expect(await shared.get(800, 799)).toEqual({ document: 1, ageMs: 799 });
  expect(await shared.get(800, 800)).toEqual({ document: 2, ageMs: 0 });
});

test('those who ask at the same time share one', async () => {
  const shared = counted();
  const all = await Promise.all(Array.from({ length: 50 }, () => shared.get(800, 5)));
  expect(new Set(all.map(({ document }) => document))).toEqual(new Set([1]));
});

test('whoever says nothing of its age is given a new one', async () => {
  const shared = counted();
  expect((await shared.get(0, 1)).document).toBe(1);
  expect((await shared.get(0, 1)).document).toBe(2);
});

test('what could not be made is made for the next', async () => {
  let isBroken = true;
  const shared = new Shared(() => (isBroken ? Promise.reject(new Error('no')) : Promise.resolve('yes')));
  await expect(shared.get(800, 0)).rejects.toThrow('no');
  isBroken = false;
  expect(await shared.get(800, 1)).toEqual({ document: 'yes', ageMs: 0 });
});

test.each([
  [undefined, 0],
  ['no-cache', 0],
  ['max-age=0', 0],
  ['max-age=1', 800],
  ['no-transform, Max-Age=2', 1_600],
  ['s-max-age=1', 0],
  ['max-age=-1', 0],
])('Cache-Control: %s allows for %d ms', (value, ms) => expect(maxAgeMs(value)).toBe(ms));
