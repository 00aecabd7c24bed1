import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool, type TaskExplanation, type TaskHandle } from 'offhand';
import { poolError, temporaryFolder } from '../client/support.js';
import { hold } from '../support/attempts.js';
import { evaluator } from '../../src/wire/functions/compile.js';
import { explanationMessage } from '../../src/queue/explanation.js';
import { waitFor } from '../support/wait.js';
import { course, spec } from './tasks.js';

let pool: Pool;
const folder = temporaryFolder();
beforeAll(async () => {
  pool = await startPool({ workers: 1 });
});
afterAll(async () => {
  await pool.close();
  folder.remove();
});

const add = (a: number, b: number) => a + b;
const later = { delayMs: 3_600_000 };
const total = ({ spentMs }: TaskExplanation) => Object.values(spentMs).reduce((sum, ms) => sum + ms, 0);
let gates = 0;
/** A task that runs, until it is let go. */
async function blocker(): Promise<{ task: TaskHandle; letGo: () => Promise<void> }> {
  const { writeFileSync } = await import('node:fs');
  const [file, gate] = [`${folder.path}/${++gates}`, `${folder.path}/gate-${gates}`];
  const task = await pool.submit(hold, [file, gate]);
  const { existsSync } = await import('node:fs');
  await waitFor('the blocker to run', () => existsSync(file));
  return {
    task,
    letGo: async () => {
      writeFileSync(gate, '');
      await task.result();
    },
  };
}

describe('a task that has ended', () => {
  test('tells where its time went, and why it ran there', async () => {
    const task = await pool.submit(
      (ms: number) => {
        const end = performance.now() + ms;
        while (performance.now() < end);
      },
      [30],
    );
    await task.result();
    const why = await task.explain();
    expect(why).toMatchObject({ standing: undefined, worker: 'worker-1' });
    expect(why.reason).toMatch(/first-free: (at once|after \d+ ms behind \d+ others)/);
    expect(why.spentMs.run).toBeGreaterThanOrEqual(30);
    expect(why.spentMs.decode).toBeGreaterThan(0);
    expect(why.spentMs.wire).toBeGreaterThan(0);
    // Nothing is counted twice: from its submission to its outcome, rounded to whole ms here and there.
    const { submittedAt, settledAt, startedAt } = why.task;
    // A worker had it when it was sent, which is before it ran and after it waited.
    const [begun, over] = [Number(startedAt), Number(settledAt)];
    expect(over - begun).toBeGreaterThanOrEqual(28);
    // The same whenever one looks.
    const times = ({ task: { submittedAt, startedAt, settledAt } }: TaskExplanation) =>
      [submittedAt, startedAt, settledAt].map(Number);
    expect(times(await task.explain())).toEqual([Number(submittedAt), begun, over]);
    expect(total(why)).toBeLessThanOrEqual((settledAt?.getTime() ?? 0) - submittedAt.getTime() + 5);
  });

  test('shows how its function is written, and no more of a long one than people read', async () => {
    const rate = 2;
    const priced = pool.with({ capture: { rate } });
    const short = await priced.submit((n: number) => n * rate, [20]);
    await short.result();
    // As it is written here, without what goes along with it.
    expect((await short.explain()).source).toMatch(/^\(n\)\s*=>\s*n \* rate$/);
    const text = `() => /* ${'x'.repeat(5_000)} */ 1`;
    const long = await pool.submit(evaluator(text)() as () => number, []);
    await long.result();
    expect((await long.explain()).source).toMatch(/^\(\) => .*x\n… \(cut: 4,096 of 5,014 characters\)$/);
  });

  test('says that it found its worker where the one before it had left it', async () => {
    const [first, second] = [await pool.submit(add, [1, 1]), await pool.submit(add, [1, 2])];
    await Promise.all([first.result(), second.result()]);
    const reasons = [(await first.explain()).reason, (await second.explain()).reason];
    expect(reasons.join(' ')).toMatch(/the queue had its slot already \(first-free: /);
  });

  test('tells how long it ran, also where it threw', async () => {
    const task = await pool.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error('no');
    }, []);
    await expect(task.result()).rejects.toThrow('no');
    const { spentMs, task: details } = await task.explain();
    expect(spentMs.run).toBeGreaterThan(15);
    expect(details.state).toBe('failed');
    expect(details.runMs).toBeCloseTo(spentMs.run ?? 0, 2);
  });

  test('counts the tries before the last one apart', async () => {
    const task = await pool.submit(
      async (mark: string) => {
        const fs = await import('node:fs');
        if (fs.existsSync(mark)) return;
        fs.writeFileSync(mark, '');
        await new Promise((resolve) => setTimeout(resolve, 400));
        throw new Error('once');
      },
      [`${folder.path}/mark`],
      { retries: 1 },
    );
    await task.result();
    const { spentMs } = await task.explain();
    expect(spentMs['earlier-attempts']).toBeGreaterThan(390);
    expect(spentMs.run).toBeLessThan(390);
  });

  test('counts the rests between tries with these, and not as a wait for a worker', async () => {
    const fails = () => {
      if (__offhand.attempt < 5) throw new Error('not yet');
    };
    const task = await pool.submit(fails, [], { retries: 4 });
    await task.result();
    const { spentMs } = await task.explain();
    expect(spentMs['earlier-attempts']).toBeGreaterThan(spentMs.placement ?? 0);
  });

  test('keeps what became of the attempts before, with long words cut', async () => {
    const fails = async (mark: string) => {
      const fs = process.getBuiltinModule('node:fs');
      fs.appendFileSync(mark, '.');
      const attempt = fs.readFileSync(mark).length;
      console.log(`${attempt}`);
      if (attempt === 2) process.kill(process.pid, 'SIGKILL');
      if (attempt < 4) throw new RangeError(`attempt ${attempt} ${'x'.repeat(2_000)}`);
    };
    const options = { retries: 5, retryOn: ['thrown', 'worker-lost'] as const };
    const task = await pool.submit(fails, [`${folder.path}/marks`], options);
    await task.result();
    const { earlier, task: details } = await task.explain();
    expect(details.attempt).toBe(4);
    // What is printed right before the process ends may be lost with it.
    const printed = (await task.logs()).map((line) => `${line.attempt} ${line.number} ${line.text}`);
    expect(printed.filter((line) => !line.startsWith('2'))).toEqual(['1 1 1', '3 1 3', '4 1 4']);
    const failures = earlier.map(({ attempt, code }) => `${attempt} ${code}`);
    expect(failures).toEqual(['1 thrown', '2 worker-lost', '3 thrown']);
    const [first] = earlier;
    expect(first).toMatchObject({ worker: 'worker-1', message: expect.stringMatching(/^attempt 1 x+$/) });
    expect(first?.message).toHaveLength(1_000);
    expect(first?.stack).toMatch(/^RangeError: attempt 1 /);
    expect(Date.now() - (first?.failedAt.getTime() ?? 0)).toBeLessThan(60_000);
  });

  test('tells of attempts that have failed while the next one waits or runs', async () => {
    const [mark, gate] = [`${folder.path}/once`, `${folder.path}/once-more`];
    const task = await pool.submit(
      async (marked: string, open: string) => {
        const { existsSync, writeFileSync: write } = process.getBuiltinModule('node:fs');
        if (!existsSync(marked)) {
          write(marked, '');
          process.kill(process.pid, 'SIGKILL');
        }
        while (!existsSync(open)) await new Promise((resolve) => setTimeout(resolve, 10));
      },
      [mark, gate],
    );
    const { earlier } = await waitFor('the loss', async () => {
      const why = await task.explain();
      return why.earlier.length > 0 ? why : undefined;
    });
    expect(earlier).toMatchObject([
      { attempt: 1, worker: 'worker-1', code: 'worker-lost', stack: undefined },
    ]);
    writeFileSync(gate, '');
    await task.result();
  });

  test('and was never run has only waited', async () => {
    const { letGo } = await blocker();
    const task = await pool.submit(add, [1, 1], { delayMs: 60_000 });
    await task.cancel();
    const { worker, spentMs } = await task.explain();
    expect(worker).toBeUndefined();
    expect(Object.keys(spentMs).filter((phase) => phase !== 'held-back' && phase !== 'line')).toEqual([]);
    await letGo();
  });
});

test('what whole ms leave over is no time that held a task back', () => {
  const spent = (settledAt: number) => {
    const record = {
      spec: spec('a', { submittedAt: 100 }),
      state: 'succeeded' as const,
      attempt: 1,
      startedAt: 101,
      settledAt,
      failure: undefined,
      runMs: 3,
      course,
      isDropped: false,
    };
    const all = explanationMessage({ record, standing: undefined, course, source: '' }, settledAt).spent;
    return all?.map(({ what, ms }) => `${what} ${ms}`);
  };
  // By its parts it took 4.875 ms.
  const parts = ['line 1', 'claim 0.5', 'wire 0.25', 'decode 0.125', 'run 3'];
  expect(spent(106)).toEqual(parts);
  expect(spent(110)).toEqual(['held-back 5.125', ...parts]);
});

describe('a task that waits says why', () => {
  test('its time has not come', async () => {
    const task = await pool.submit(add, [1, 1], later);
    expect((await task.explain()).standing).toMatch(/^not before 20.*Z, in 3\d{3} s$/);
    await task.cancel();
  });

  test('it comes after others', async () => {
    const first = await pool.submit(add, [1, 1], later);
    const second = await pool.submit(add, [first as unknown as number, 1]);
    expect((await second.explain()).standing).toBe(`comes after task ${first.id}`);
    await first.cancel();
    await poolError(second.result());
  });

  test('no worker has what it asks for: it waits for one, and nothing is counted twice', async () => {
    const task = await pool.submit(add, [1, 1], { requires: ['gpu'] });
    const why = await waitFor('it to be claimed ahead', async () => {
      const look = await task.explain();
      return (look.spentMs.placement ?? 0) > 300 ? look : undefined;
    });
    expect(why.standing).toMatch(/gpu/);
    expect(total(why)).toBeLessThanOrEqual(Date.now() - why.task.submittedAt.getTime() + 5);
    await task.cancel();
    await poolError(task.result());
  });

  test('nobody has had it: it has not started, and has made no attempt, also once it is cancelled', async () => {
    const { letGo } = await blocker();
    const waits = await pool.submit(add, [1, 1]);
    await waitFor('it to be claimed ahead', async () => (await waits.explain()).spentMs.placement);
    const untouched = { attempt: 0, startedAt: undefined };
    expect(await waits.details()).toMatchObject({ state: 'pending', ...untouched });
    await waits.cancel();
    await poolError(waits.result());
    expect(await waits.details()).toMatchObject({ state: 'cancelled', ...untouched });
    await letGo();
  });

  test('its group is full, no worker is free, and where it runs once it does', async () => {
    const { task, letGo } = await blocker();
    const running = await task.explain();
    const [, forMs] = /^with worker-1 for (\d+) ms$/.exec(running.standing ?? '') ?? [];
    // Until its slot tells more, it counts as running since it was sent; it is the first attempt.
    expect(running.spentMs.run).toBeCloseTo(Number(forMs), -1);
    expect(Object.keys(running.spentMs)).not.toEqual(expect.arrayContaining(['wire']));
    expect(Object.keys(running.spentMs)).not.toEqual(expect.arrayContaining(['earlier-attempts']));
    const group = { name: 'g', limit: 1 };
    const inGroup = await pool.submit(add, [1, 1], { group, priority: -5 });
    const parked = await pool.submit(add, [1, 2], { group, priority: -5 });
    expect((await parked.explain()).standing).toMatch(/^group g: [01] of 1 running(, 1 next in line)?$/);
    // Nobody knows how long it takes, so few are claimed ahead.
    const unknown = (a: number, b: number) => a - b;
    const others = await pool.submitMany(
      unknown,
      Array.from({ length: 20 }, (_, n): [number, number] => [n, 1]),
    );
    const last = await pool.submit(unknown, [1, 3], { priority: -1 });
    const why = await last.explain();
    expect(why.standing).toMatch(
      /^no worker is free: 21 other tasks wait for one, \d+ of them at a higher priority$/,
    );
    expect(why.task.state).toBe('pending');
    await letGo();
    await Promise.all([inGroup, parked, last, ...others].map((one) => one.result()));
    expect((await last.explain()).spentMs.line).toBeGreaterThan(0);
  });
});

test('nobody can explain a task that nobody knows', async () => {
  expect((await poolError(pool.task('a'.repeat(20)).explain())).code).toBe('not-found');
});
