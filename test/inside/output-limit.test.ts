import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { OutputMeter } from '../../src/worker/thread/output-meter.js';
import { waitFor } from '../support/wait.js';

const NOTICE = /^\(offhand: this task has printed (\d+) bytes, and what it prints from here on is dropped: /;

describe('what a task prints', () => {
  let pool: Pool;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
    pool = await startPool({ workers: 1, logDir: folder, maxOutput: '2kb' });
  });
  afterAll(async () => {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Of the worker's log: the lines that tasks have printed. */
  const logged = () =>
    readFileSync(join(folder, 'worker-1.log'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { task?: string; msg: string })
      .filter(({ task }) => task !== undefined);

  test.each([false, true])(
    'is dropped beyond the limit, which one line says, and the task goes on (isolate: %p)',
    async (isolate) => {
      const lines: string[] = [];
      const logs = ({ text }: { text: string }) => void lines.push(text);
      const prints = (count: number) => {
        for (let n = 0; n < count; n++) {
          console.log(`${n}`.padStart(99, '.'));
          console.error('');
        }
        return count;
      };
      expect(await pool.with({ logs, isolate }).run(prints, 50_000)).toBe(50_000);
      const told = lines.join('\n').split('\n');
      expect(told.filter((line) => NOTICE.test(line))).toHaveLength(1);
      expect(NOTICE.exec(told.at(-1) ?? '')?.[1]).toBe('2048');
      expect(told.filter((line) => line.startsWith('.')).length).toBeLessThanOrEqual(21);
      expect(told).toContain('0'.padStart(99, '.'));
    },
  );

  test('is counted for each task by itself, and the log keeps no more of it', async () => {
    const silent = pool.with({ logs: 'silent' });
    const prints = (text: string, times: number) => {
      for (let n = 0; n < times; n++) process.stdout.write(text);
    };
    const before = logged().length;
    await silent.run(prints, 'one\n', 1);
    await silent.run(prints, `${'x'.repeat(64 * 1024)}\n`, 100);
    await silent.run(prints, 'two\n', 1);
    await waitFor('the log of the last one', () => logged().at(-1)?.msg === 'two');
    const lines = logged().slice(before);
    expect(lines.length).toBeLessThan(8);
    expect(lines.map(({ msg }) => msg.length).reduce((a, b) => a + b)).toBeLessThan(3_000);
    expect(lines.filter(({ msg }) => /what it prints from here on is dropped/.test(msg))).toHaveLength(1);
  });
});

test('a line that never ends is told in pieces, and not kept until it does', async () => {
  await using pool = await startPool({ workers: 1 });
  const pieces: string[] = [];
  const prints = () => {
    for (let n = 0; n < 400_000; n++) process.stdout.write('x');
  };
  await pool.with({ logs: ({ text }) => void pieces.push(text) }).run(prints);
  expect(pieces.join('')).toBe('x'.repeat(400_000));
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(66_000);
});

describe('the meter', () => {
  test('lets through what fits, to the last byte', () => {
    const meter = new OutputMeter(6);
    expect(meter.take('ää')).toBe('ää');
    expect(meter.take('ab')).toBe('ab');
    expect(meter.take('')).toBe('');
    expect(meter.take('c')).toMatch(NOTICE);
    expect(meter.take('d')).toBe('');
  });

  test('cuts between characters, and says so on a line of its own', () => {
    const [first, second] = new OutputMeter(6).take('a€😀b').split('\n');
    expect(first).toBe('a€');
    expect(second).toMatch(NOTICE);
  });
});
