import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type CallOptions, type Pool, type PoolError, startPool } from 'offhand';
import { within } from '../support/wait.js';
import { poolError, rejection, startScript, temporaryFolder, until } from './support.js';

const folder = temporaryFolder();
let files = 0;
/** A file of a test's own, in which every attempt leaves a line. */
const newFile = () => join(folder.path, `attempts-${++files}`);
const linesOf = (file: string) =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

/** Leaves a line; does what it is told in the first `times` attempts, and then returns how many there were. */
const misbehave = async (file: string, how: 'throw' | 'hang' | 'spin' | 'die' | 'exit', times: number) => {
  const { appendFileSync, readFileSync } = await import('node:fs');
  appendFileSync(file, `${process.pid}\n`);
  const attempts = readFileSync(file, 'utf8').split('\n').length - 1;
  if (attempts > times) return attempts;
  switch (how) {
    case 'throw':
      throw new TypeError(`attempt ${attempts}`);
    case 'hang':
      // Without workers it would go on in this process.
      return new Promise<never>((_, reject) => __offhand.signal.addEventListener('abort', reject));
    case 'spin':
      for (;;);
    case 'die':
      process.kill(process.pid, 'SIGKILL');
      return new Promise<never>(() => setInterval(() => undefined, 60_000));
    case 'exit':
      return process.exit(1);
  }
};

/** Makes every wait for a next attempt this share of the longest, until the test is over; tells whether anybody waits. */
function fixWaits(share: number): { isAnyWaiting: () => boolean } {
  const { random } = Math;
  let waits = 0;
  jest.spyOn(Math, 'random').mockImplementation(() => {
    if (!new Error().stack?.includes('attemptFailed')) return random(); // Others roll dice too.
    waits += 1;
    return share;
  });
  return { isAnyWaiting: () => waits > 0 };
}

/** Longer than any test. */
const FOR_EVER = 10_000;

afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => folder.remove());

describe.each([false, true])('with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
  });
  afterAll(() => pool.close());

  test('an error that the function throws ends the call, unless retries are given', async () => {
    const file = newFile();
    expect(await rejection(pool.run(misbehave, file, 'throw', 1))).toEqual(new TypeError('attempt 1'));
    expect(linesOf(file)).toHaveLength(1);
  });

  test('a timeout ends the call, unless retries are given', async () => {
    const file = newFile();
    const error = await poolError(pool.with({ timeoutMs: 150 }).run(misbehave, file, 'hang', 1));
    expect(error).toMatchObject({ code: 'timeout', mayHaveRun: true });
    expect(linesOf(file)).toHaveLength(1);
  });

  test('a function that throws twice succeeds with two retries', async () => {
    const file = newFile();
    expect(await pool.with({ retries: 2 }).run(misbehave, file, 'throw', 2)).toBe(3);
    expect(linesOf(file)).toHaveLength(3);
  });

  test('a function that throws more often than it may ends with what it threw last', async () => {
    const file = newFile();
    const error = await rejection(pool.with({ retries: 2 }).run(misbehave, file, 'throw', 9));
    expect(error).toEqual(new TypeError('attempt 3'));
    expect(linesOf(file)).toHaveLength(3);
  });

  test('a function that runs too long is tried again, each time with all of its timeoutMs', async () => {
    const file = newFile();
    fixWaits(0);
    const limited = pool.with({ timeoutMs: 400, retries: 2 });
    expect(await limited.run(misbehave, file, 'hang', 2)).toBe(3);
  });

  test('retryOn says which failures are tried again', async () => {
    const [thrown, late] = [newFile(), newFile()];
    const onTimeout = pool.with({ retries: 3, retryOn: ['timeout'], timeoutMs: 400 });
    expect(await rejection(onTimeout.run(misbehave, thrown, 'throw', 1))).toBeInstanceOf(TypeError);
    expect(linesOf(thrown)).toHaveLength(1);
    expect(await onTimeout.run(misbehave, late, 'hang', 1)).toBe(2);
  });

  test('retryOn alone allows one more attempt', async () => {
    const [once, twice] = [newFile(), newFile()];
    const again = pool.with({ retryOn: ['thrown'] });
    expect(await again.run(misbehave, once, 'throw', 1)).toBe(2);
    expect(await rejection(again.run(misbehave, twice, 'throw', 2))).toEqual(new TypeError('attempt 2'));
  });

  test('map tries each of its calls again, and keeps their order', async () => {
    const names = [newFile(), newFile(), newFile(), newFile()];
    const throwOnce = async (file: string) => {
      const { appendFileSync, readFileSync } = await import('node:fs');
      appendFileSync(file, 'x\n');
      if (readFileSync(file, 'utf8') === 'x\n') throw new Error('once');
      return file;
    };
    const results: string[] = [];
    for await (const name of pool.with({ retries: 1 }).map(throwOnce, names)) results.push(name);
    expect(results).toEqual(names);
    expect(names.map((name) => linesOf(name).length)).toEqual([2, 2, 2, 2]);
  });

  const endings: [name: string, options: CallOptions, code: string][] = [
    ['a signal', {}, 'cancelled'],
    ['its deadlineMs', { deadlineMs: 1_500 }, 'deadline-exceeded'],
  ];
  test.each(endings)('%s ends a call that waits for its next attempt', async (_, options, code) => {
    const file = newFile();
    const { isAnyWaiting } = fixWaits(FOR_EVER);
    const cancel = new AbortController();
    const patient = pool.with({ retries: 1, signal: cancel.signal, ...options });
    const call = poolError(patient.run(misbehave, file, 'throw', 9));
    await until('it waits', isAnyWaiting);
    if (code === 'cancelled') cancel.abort('enough');
    expect(await call).toMatchObject({ code, mayHaveRun: true });
    expect(linesOf(file)).toHaveLength(1);
    jest.restoreAllMocks();
    expect(await pool.run(() => 'goes on')).toBe('goes on');
  });

  test('close ends a call that waits for its next attempt, and then nothing keeps the process', async () => {
    const script = startScript('closes-while-resting.mjs', { args: inline ? ['inline'] : [] });
    try {
      const ended = await within(10_000, 'the process to end', script.ended);
      expect(ended).toMatchObject({ code: 0, out: 'closed true\n', err: '' });
    } finally {
      script.kill('SIGKILL');
    }
  });
});

// A pool for each: one whose workers die often starts them later and later.
describe('the loss of a worker', () => {
  test('costs a call one attempt, and it is tried once more by itself, but not twice', async () => {
    await using pool = await startPool({ workers: 1 });
    const [once, twice] = [newFile(), newFile()];
    expect(await pool.run(misbehave, once, 'die', 1)).toBe(2);
    expect(new Set(linesOf(once)).size).toBe(2);
    const error = await poolError(pool.run(misbehave, twice, 'die', 2));
    expect(error).toMatchObject({ code: 'worker-lost', mayHaveRun: true });
    expect(linesOf(twice)).toHaveLength(2);
  });

  test('ends a call that is not to run twice: with retries 0, or where retryOn does not name it', async () => {
    await using pool = await startPool({ workers: 1 });
    for (const options of [{ retries: 0 }, { retries: 5, retryOn: ['thrown', 'timeout'] }] as CallOptions[]) {
      const file = newFile();
      const error = await poolError(pool.with(options).run(misbehave, file, 'die', 1));
      expect(error).toMatchObject({ code: 'worker-lost', mayHaveRun: true });
      await pool.run(() => 'another worker is up');
      expect(linesOf(file)).toHaveLength(1);
    }
  });

  test('costs what waits in line behind it no attempt', async () => {
    await using pool = await startPool({ workers: 1 });
    const [culprit, ...others] = Array.from({ length: 6 }, newFile) as [string, ...string[]];
    const once = pool.with({ retries: 0 });
    const lost = poolError(once.run(misbehave, culprit, 'die', 1));
    const behind = others.map((file) => once.run(misbehave, file, 'throw', 0));
    expect(await lost).toMatchObject({ code: 'worker-lost' });
    expect(await Promise.all(behind)).toEqual([1, 1, 1, 1, 1]);
  });

  test('ends a call as poison that has cost three, however many retries it has', async () => {
    await using pool = await startPool({ workers: 1 });
    const file = newFile();
    const error = await poolError(pool.with({ retries: 10 }).run(misbehave, file, 'die', 99));
    expect(error).toMatchObject({ code: 'poison', mayHaveRun: true, cause: { code: 'worker-lost' } });
    expect(error.message).toMatch(/^`misbehave` has cost 3 workers, and is not tried again; the last one: /);
    expect(new Set(linesOf(file)).size).toBe(3);
    expect(linesOf(file)).toHaveLength(3);
    expect(await pool.run(() => 'goes on')).toBe('goes on');
  }, 30_000);
});

test('tasks that were sent along with one that ends its thread run once each, without an attempt to lose', async () => {
  await using pool = await startPool({ workers: 1 });
  const file = newFile();
  const visit = (path: string, n: number) => {
    process.getBuiltinModule('node:fs').appendFileSync(path, `${n}\n`);
    if (n === 20) process.exit(1);
    return n;
  };
  const numbers = Array.from({ length: 60 }, (_, n) => n);
  await pool.run(visit, newFile(), 0); // So that it is known how short they are, and many go at once.
  const once = pool.with({ retries: 0 });
  const outcomes = await Promise.allSettled(numbers.map((n) => once.run(visit, file, n)));
  expect(
    outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value : (outcome.reason as PoolError).code,
    ),
  ).toEqual(numbers.map((n) => (n === 20 ? 'exited' : n)));
  expect(
    linesOf(file)
      .map(Number)
      .sort((a, b) => a - b),
  ).toEqual(numbers);
});

test('a function that blocks its thread is tried again after its timeout', async () => {
  await using pool = await startPool({ workers: 1 });
  const file = newFile();
  expect(await pool.with({ timeoutMs: 400, retries: 1 }).run(misbehave, file, 'spin', 1)).toBe(2);
});

describe('bad options are refused in a sentence', () => {
  const RETRY_ON = "expected an array of 'worker-lost', 'thrown', 'timeout'";
  test.each<[given: object, message: string]>([
    [{ retries: -1 }, 'retries: expected a whole number from 0 to 1,000, got -1'],
    [{ retries: 1.5 }, 'retries: expected a whole number from 0 to 1,000, got 1.5'],
    [{ retries: Infinity }, 'retries: expected a whole number from 0 to 1,000, got Infinity'],
    [{ retries: '2' }, 'retries: expected a whole number from 0 to 1,000, got "2"'],
    [{ retryOn: 'thrown' }, `retryOn: ${RETRY_ON}, got "thrown"`],
    [
      { retryOn: ['thrown', 'lost'] },
      `retryOn[1]: expected one of 'worker-lost', 'thrown', 'timeout', got "lost"`,
    ],
    [
      { retry: 2 },
      'pool.with: unknown option retry; there are timeoutMs, queueTimeoutMs, deadlineMs, signal, retries, retryOn, cancelGraceMs, isolate, readAhead, onProgress, logs, priority, expectedMs, requires, whenNoneFits, name, capture',
    ],
  ])('%j', async (given, message) => {
    await using pool = await startPool({ inline: true });
    expect(() => pool.with(given as CallOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message }),
    );
  });
});
