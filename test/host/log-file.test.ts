import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { createLogger } from '../../src/host/logger.js';
import { rotate } from '../../src/host/log-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a log that is full makes room for another, five in all; nothing is lost between two of them', () => {
  const path = join(folder, 'worker-1.log');
  const stream = pino.destination({ dest: path, sync: true, append: true });
  rotate(stream, path, 1_000);
  for (let line = 0; line < 60; line++) stream.write(`${String(line).padStart(99)}\n`);
  const files = readdirSync(folder).sort();
  expect(files).toEqual(['worker-1.log', ...[1, 2, 3, 4].map((number) => `worker-1.log.${number}`)]);
  const kept = [4, 3, 2, 1].flatMap((number) =>
    readFileSync(`${path}.${number}`, 'utf8').trim().split(/\s+/),
  );
  expect(kept).toEqual(Array.from({ length: 40 }, (_, index) => String(index + 20)));
  expect(statSync(path).size).toBe(0);
});

test('a log that was there before counts', () => {
  const path = join(folder, 'worker-1.log');
  pino.destination({ dest: path, sync: true }).write('x'.repeat(999));
  const stream = pino.destination({ dest: path, sync: true, append: true });
  rotate(stream, path, 1_000);
  stream.write('y\n');
  expect(readFileSync(`${path}.1`, 'utf8')).toMatch(/^x{999}y\n$/);
});

test('what is less important than the level is not said', async () => {
  const log = await createLogger({ name: 'worker-1', dir: folder, pretty: false, level: 'warn' });
  log.debug('a grant');
  log.info('a start');
  log.warn('a loss');
  const lines = readFileSync(join(folder, 'worker-1.log'), 'utf8').trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['a loss']);
});
