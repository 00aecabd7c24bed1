import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LogLine, type Pool, PoolError, startPool } from 'offhand';
import type * as Task from 'offhand/task';
import { current } from 'offhand/task';
import { poolError, startScript } from '../client/support.js';
import { waitFor } from '../support/wait.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([false, true])('inside a task, with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
  });
  afterAll(() => pool.close());

  test('it knows its id, its attempt and its worker', async () => {
    const ask = () => [__offhand.taskId, __offhand.attempt, __offhand.workerId];
    const [first, second] = await Promise.all([pool.run(ask), pool.run(ask)]);
    expect(first).toEqual([expect.stringMatching(/^[0-9a-f]{12}\.\d+$/), 1, expect.any(String)]);
    expect(second?.[0]).not.toBe(first?.[0]);
    expect(second?.[2]).toBe(first?.[2]);
  });

  test('the id stays from attempt to attempt, and the attempts are counted', async () => {
    const seen: unknown[] = [];
    const fail = () => {
      __offhand.progress(0, `${__offhand.taskId} ${__offhand.attempt}`);
      if (__offhand.attempt < 3) throw new Error('again');
      return __offhand.taskId;
    };
    const id = await pool.with({ retries: 2, onProgress: (_, note) => seen.push(note) }).run(fail);
    expect(seen).toEqual([`${id} 1`, `${id} 2`, `${id} 3`]);
  });

  test('what is awaited, and what is started, belongs to it too', async () => {
    const ask = async () => {
      const first = __offhand.taskId;
      await new Promise((resolve) => setTimeout(resolve, 1));
      return first === __offhand.taskId;
    };
    expect(await Promise.all([pool.run(ask), pool.run(ask)])).toEqual([true, true]);
  });

  test('a signal is aborted by the time limit, and the code has time to end', async () => {
    const file = join(folder, `ended-${inline}`);
    const tidy = async (path: string) => {
      const { signal } = __offhand;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      (await import('node:fs')).writeFileSync(path, (signal.reason as { code: string }).code);
    };
    expect(await poolError(pool.with({ timeoutMs: 30 }).run(tidy, file))).toMatchObject({ code: 'timeout' });
    await waitFor('the code to end', () => read(file) === 'timeout');
    expect(await pool.run(() => 'next')).toBe('next');
  });

  test('a signal is aborted by its caller', async () => {
    const file = join(folder, `cancelled-${inline}`);
    const stop = new AbortController();
    const wait = async (path: string) => {
      const { signal } = __offhand;
      const { writeFileSync } = await import('node:fs');
      writeFileSync(path, 'waiting');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      writeFileSync(path, 'stopped');
    };
    const call = poolError(pool.with({ signal: stop.signal }).run(wait, file));
    await waitFor('the task to run', () => read(file) === 'waiting');
    stop.abort();
    expect(await call).toMatchObject({ code: 'cancelled' });
    await waitFor('the code to end', () => read(file) === 'stopped');
  });

  test('something is loaded once, and again where that has failed', async () => {
    const use = async (key: string) => {
      const state = globalThis as { loads?: number };
      const load = async () => {
        state.loads = (state.loads ?? 0) + 1;
        if (state.loads === 1) throw new Error('no luck');
        return state.loads;
      };
      return __offhand.once(key, load);
    };
    await expect(pool.run(use, 'model')).rejects.toThrow('no luck');
    expect(await pool.run(use, 'model')).toBe(2);
    expect(await pool.run(use, 'model')).toBe(2);
    expect(await pool.run(use, 'other')).toBe(3);
    await pool.run(() => void delete (globalThis as { loads?: number }).loads);
  });

  test.each([
    [Number.NaN, undefined, 'progress: expected a fraction from 0 to 1, got NaN'],
    [1.5, undefined, 'progress: expected a fraction from 0 to 1, got 1.5'],
    [0.5, 7, 'progress: expected a note in words, got number'],
  ])('progress(%p, %p) is refused', async (fraction, note, message) => {
    const tell = (a: number, b: unknown) => __offhand.progress(a, b as string);
    await expect(pool.run(tell, fraction, note)).rejects.toMatchObject({ code: 'invalid-argument', message });
  });
});

describe('on a worker', () => {
  let pool: Pool;
  const logDir = () => join(folder, 'logs');
  beforeAll(async () => {
    pool = await startPool({ workers: 1, logDir: logDir() });
  });
  afterAll(() => pool.close());

  test('the package has it for modules, to import and to require', async () => {
    const imported = async () => (await import('offhand/task')).current.taskId === __offhand.taskId;
    const required = () => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- that is what is tried
      return (require('offhand/task') as typeof Task).current.taskId === __offhand.taskId;
    };
    expect([await pool.run(imported), await pool.run(required)]).toEqual([true, true]);
  });

  test.each([false, true])(
    'import() and require() resolve from the folder of the worker (isolate: %p)',
    async (isolate) => {
      const resolve = async () => {
        // By a name that the compiler does not look for beside this file.
        const path: string = ['.', 'package.json'].join('/');
        const imported = (await import(path, { with: { type: 'json' } })) as { default: { name: string } };
        // eslint-disable-next-line @typescript-eslint/no-require-imports -- that is what is tried
        const required = require(path) as { name: string };
        return [process.cwd(), imported.default.name, required.name];
      };
      expect(await pool.with({ isolate }).run(resolve)).toEqual([process.cwd(), 'offhand', 'offhand']);
    },
  );

  test('code that has its signal and never yields is ended all the same, and no other waits beside it', async () => {
    const spin = () => {
      if (__offhand.signal.aborted) return;
      for (;;);
    };
    const limited = pool.with({ timeoutMs: 20, cancelGraceMs: 50 });
    expect(await poolError(limited.run(spin))).toMatchObject({ code: 'timeout', mayHaveRun: true });
    expect(await pool.run(() => 'next')).toBe('next');
  });

  test('code that takes longer than its grace is ended in the middle of it', async () => {
    const file = join(folder, 'too-slow');
    const slow = async (path: string) => {
      const { signal } = __offhand;
      const { appendFileSync } = await import('node:fs');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      appendFileSync(path, 'hears it');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      appendFileSync(path, ', ends');
    };
    const limited = pool.with({ timeoutMs: 200, cancelGraceMs: 100 });
    expect(await poolError(limited.run(slow, file))).toMatchObject({ code: 'timeout' });
    expect(await pool.run(() => 'next')).toBe('next');
    expect(read(file)).toBe('hears it');
  });

  test('what code returns after it was stopped is not its outcome', async () => {
    const stubborn = async () => {
      const { signal } = __offhand;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'a result after all';
    };
    for (let time = 0; time < 5; time++)
      expect(await poolError(pool.with({ timeoutMs: 10 }).run(stubborn))).toMatchObject({ code: 'timeout' });
  });

  test('progress of a task that never yields reaches its caller while it runs', async () => {
    const told: [number, string | undefined][] = [];
    let isOver = false;
    const spin = (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        const end = performance.now() + 30;
        while (performance.now() < end);
        __offhand.progress(round / rounds, `round ${round}`);
      }
      __offhand.progress(1);
    };
    const onProgress = (fraction: number, note: string | undefined) => {
      expect(isOver).toBe(false);
      told.push([fraction, note]);
    };
    await pool.with({ onProgress }).run(spin, 4);
    isOver = true;
    expect(told.at(0)).toEqual([0, 'round 0']);
    expect(told.at(-1)).toEqual([1, undefined]);
    expect(told.map(([fraction]) => fraction)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  test('a flood of progress is thinned out, and its end arrives', async () => {
    const told: number[] = [];
    const flood = () => {
      for (let i = 0; i <= 100_000; i++) __offhand.progress(i / 100_000);
    };
    await pool.with({ onProgress: (fraction) => told.push(fraction) }).run(flood);
    expect(told.at(-1)).toBe(1);
    expect(told.length).toBeLessThan(10_000);
  });

  test('what it prints goes to a function of the caller, all of it before the result', async () => {
    const lines: LogLine[] = [];
    const print = () => {
      console.log('one', { two: 2 });
      process.stdout.write('half a ');
      process.stdout.write('line\nand the beginning of another');
      console.error('three\nfour');
      return __offhand.taskId;
    };
    const taskId = await pool.with({ logs: (line) => lines.push(line) }).run(print);
    expect(lines).toEqual([
      { taskId, stream: 'stdout', text: 'one { two: 2 }' },
      { taskId, stream: 'stdout', text: 'half a line' },
      { taskId, stream: 'stderr', text: 'three\nfour' },
      { taskId, stream: 'stdout', text: 'and the beginning of another' },
    ]);
  });

  test('many lines arrive in their order, none is lost', async () => {
    const lines: string[] = [];
    const print = (count: number) => {
      for (let line = 0; line < count; line++) console.log(`line ${line}`);
    };
    await pool.with({ logs: ({ text }) => lines.push(text) }).run(print, 5_000);
    expect(lines).toEqual(Array.from({ length: 5_000 }, (_, line) => `line ${line}`));
  });

  test('the log of the worker keeps it, with the task', async () => {
    const print = () => {
      console.log('kept for later');
      return __offhand.taskId;
    };
    const task = await pool.with({ logs: 'silent' }).run(print);
    await waitFor('the line', () => /kept for later/.test(read(join(logDir(), 'worker-1.log')) ?? ''));
    const line = read(join(logDir(), 'worker-1.log'))!
      .split('\n')
      .find((text) => text.includes('kept for later'));
    expect(JSON.parse(line!)).toMatchObject({ task, attempt: 1, msg: 'kept for later' });
  });

  test('what a task prints when it has ended carries its own id, whatever runs then', async () => {
    const later = () => {
      setTimeout(() => console.log('from an earlier task'), 20);
      return __offhand.taskId;
    };
    const task = await pool.with({ logs: 'silent' }).run(later);
    const log = () => read(join(logDir(), 'worker-1.log')) ?? '';
    const wait = () => new Promise((resolve) => setTimeout(resolve, 40));
    await waitFor('the line', async () => {
      await pool.run(wait);
      return log().includes('from an earlier task');
    });
    const line = log()
      .split('\n')
      .find((text) => text.includes('from an earlier task'));
    expect(JSON.parse(line!)).toMatchObject({ task });
  });

  test('an error of the caller’s own callback is the caller’s, not the call’s', async () => {
    const { code, err, out } = await startScript('callback-throws.mjs').ended;
    expect(out).toBe('a result\n');
    expect(err).toContain('thrown by a callback');
    expect(code).toBe(7);
  });
});

test('outside of a task there is none, and the error says so', () => {
  for (const ask of [() => current.taskId, () => current.signal, () => current.progress(1)]) {
    expect(ask).toThrow(PoolError);
    expect(ask).toThrow(/^current\.\w+: no task runs here; it is there only in code that a pool runs/);
  }
});

test.each([
  [{ cancelGraceMs: -1 }, 'cancelGraceMs: expected a number of ms, 0 or more, got -1'],
  [{ onProgress: 1 }, 'onProgress: expected a function, got 1'],
  [{ logs: 'loud' }, "logs: expected 'inherit', 'silent' or a function, got \"loud\""],
])('%p is refused', async (options, message) => {
  await using pool = await startPool({ inline: true });
  expect(() => pool.with(options as object)).toThrow(message);
});

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
