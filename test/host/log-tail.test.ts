import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLogger } from '../../src/host/logger.js';
import { entryFrom, logTail } from '../../src/host/log-tail.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (n: number) => `${JSON.stringify({ level: 30, time: n, pid: 1, msg: 'é'.repeat(500) })}\n`;

test('what a logger writes is read back', async () => {
  const log = await createLogger({ name: 'worker-1', dir: folder, pretty: false, level: 'info' });
  log.warn({ task: 't', port: 7 }, 'a loss');
  expect(await logTail(folder, 'worker-1')).toEqual([
    {
      at: expect.any(Number),
      level: 'warn',
      pid: process.pid,
      message: 'a loss',
      fields: { task: 't', port: 7 },
    },
  ]);
});

test('of a long log the newest lines are read, and none in part', async () => {
  writeFileSync(join(folder, 'worker-1.log'), Array.from({ length: 200 }, (_, n) => line(n)).join(''));
  const lines = (await logTail(folder, 'worker-1')) ?? [];
  expect(lines.length).toBeGreaterThan(50);
  expect(lines.length).toBeLessThan(65);
  expect(lines.map(({ at }) => at)).toEqual(lines.map((_, index) => 200 - lines.length + index));
  expect(new Set(lines.map(({ message }) => message))).toEqual(new Set(['é'.repeat(500)]));
});

test('a log that was begun a moment ago goes on where the one before it ends', async () => {
  writeFileSync(join(folder, 'worker-1.log.1'), line(1) + line(2));
  writeFileSync(join(folder, 'worker-1.log'), line(3));
  expect((await logTail(folder, 'worker-1'))?.map(({ at }) => at)).toEqual([1, 2, 3]);
});

test('where there is no log there is none', async () => {
  expect(await logTail(folder, 'worker-1')).toBeUndefined();
});

test.each(['', 'x', '"text"', 'null', '{"msg": "no time"}', '{"time": 1, "ms'])(
  '%s is no line of a log',
  (text) => expect(entryFrom(text)).toBeUndefined(),
);
