import { existsSync, readFileSync } from 'node:fs';

// Functions as text, for callers that know nothing of offhand's client library.

/** Writes the machine's monotonic clock to a file without end; nothing but force stops it. */
export const BEAT = `(file) => {
  const { openSync, writeSync } = require('node:fs');
  const fd = openSync(file, 'w');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    writeSync(fd, String(process.hrtime.bigint()).padStart(20, '0'), 0);
    Atomics.wait(pause, 0, 0, 2);
  }
}`;

/** The monotonic clock, in ns as text. */
export const CLOCK = '() => String(process.hrtime.bigint())';

export const SLEEP = '(ms) => new Promise((resolve) => setTimeout(resolve, ms, ms))';

/** Keeps the thread busy for that long. */
export const SPIN =
  '(ms) => { const end = performance.now() + ms; while (performance.now() < end); return ms; }';

/** Starts a program that outlives its thread, then does nothing without end. Writes the program's pid to a file. */
export const CHILD = `(file) => {
  const { spawn } = require('node:child_process');
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  require('node:fs').writeFileSync(file, child.pid + '\\n');
  return new Promise(() => setInterval(() => undefined, 60_000));
}`;

/** What {@link BEAT} wrote last, in ns; undefined when it has not begun. */
export function lastBeat(file: string): bigint | undefined {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text === '' ? undefined : BigInt(text);
}
