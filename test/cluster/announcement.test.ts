import { expect, test } from '@jest/globals';
import { announcementFrom, announcementText, isLocal } from '../../src/cluster/announcement.js';

const ANNOUNCEMENT = {
  id: 'c1',
  machine: 'box',
  address: 'box.lan:4999',
  http: null,
  version: '0.1.0',
  protocol: 1,
  workers: 2,
  slots: 4,
  busy: 1,
  waiting: 0,
  tags: ['gpu'],
  uptimeMs: 10,
};

test('an announcement is read as it was written', () => {
  expect(announcementFrom(announcementText(ANNOUNCEMENT))).toEqual(ANNOUNCEMENT);
});

test('what a newer version has added does not matter', () => {
  const text = announcementText({ ...ANNOUNCEMENT, mood: 'good' } as never);
  expect(announcementFrom(text)).toEqual(ANNOUNCEMENT);
});

test.each([
  ['of a format that is not known', announcementText({ ...ANNOUNCEMENT, format: 2 } as never)],
  ['without an address', announcementText({ ...ANNOUNCEMENT, address: undefined } as never)],
  ['whose address is none', announcementText({ ...ANNOUNCEMENT, address: 'x y' })],
  ['that is no JSON', 'hello'],
])('one %s is left out', (_, text) => {
  expect(announcementFrom(text)).toBeUndefined();
});

test.each([
  ['127.0.0.3:4999', true],
  ['localhost:4999', true],
  ['box.lan:4999', false],
])('whether %s is of its own machine alone: %s', (address, expected) => {
  expect(isLocal({ ...ANNOUNCEMENT, address })).toBe(expected);
});
