import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { transformSync } from 'esbuild';
import { type Pool, startPool } from 'offhand';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rejection, startScript } from '../client/support.js';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

const stackOf = async (call: Promise<unknown>) => ((await rejection(call)) as Error).stack?.split('\n') ?? [];

/** The line of this file that the caller stands in. */
function here(): number {
  const frame = new Error().stack?.split('\n')[2] ?? '';
  return Number(/:(\d+):\d+\)?$/.exec(frame)?.[1]);
}

describe.each([false, true])('the stack of what a function throws, with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
  });
  afterAll(() => pool.close());

  // What the runner compiles has lines of its own: the same line is found by both, or by neither.
  test('names the lines where the function is written, and goes on with where it was called', async () => {
    const line = here();
    const outer = (text: string) => {
      const inner = () => {
        throw new TypeError(text);
      };
      return inner();
    };
    const call = async () => {
      await pool.run(outer, 'no');
    };
    const [head, ...frames] = await stackOf(call());
    expect(head).toBe('TypeError: no');
    const lines = frames.map((frame) =>
      Number(/test\/inside\/stacks\.test\.ts:(\d+):\d+\)?$/.exec(frame)?.[1]),
    );
    expect(lines.slice(0, 3)).toEqual([line + 3, line + 5, line + 8]);
    expect(frames.join('\n')).not.toMatch(/dist\/|src\/client|offhand-task/);
  });

  test('names them in causes and in gathered errors too', async () => {
    const fail = () => {
      const cause = new RangeError('deep');
      throw new AggregateError([new TypeError('one')], 'many', { cause });
    };
    const error = (await rejection(pool.run(fail))) as AggregateError;
    const all = [error, error.cause as Error, error.errors[0] as Error];
    for (const { stack } of all) expect(stack).toMatch(/stacks\.test\.ts:\d+:\d+/);
    expect(all.map(({ name }) => name)).toEqual(['AggregateError', 'RangeError', 'TypeError']);
  });

  test('of an error that the pool raises says where the call was made', async () => {
    const call = async () => {
      await pool.with({ timeoutMs: 20 }).run(() => new Promise((resolve) => setTimeout(resolve, 500)));
    };
    const [head, first, ...rest] = await stackOf(call());
    expect(head).toMatch(/^PoolError: .* ran longer than its timeoutMs of 20$/);
    expect(first).toMatch(/stacks\.test\.ts:\d+:\d+\)?$/);
    expect([first, ...rest].join('\n')).not.toMatch(/dist\/|src\/client/);
  });

  test('of a map says where its loop stands', async () => {
    const line = here();
    const fail = (text: string) => {
      throw new Error(text);
    };
    const call = async () => {
      for await (const _ of pool.map(fail, ['a']));
    };
    const [, first, second] = await stackOf(call());
    expect(first).toMatch(new RegExp(`stacks\\.test\\.ts:${line + 2}:`));
    expect(second).toMatch(new RegExp(`stacks\\.test\\.ts:${line + 5}:`));
  });

  test('can be written, as that of any error', async () => {
    const error = (await rejection(
      pool.run(() => {
        throw new Error('x');
      }),
    )) as Error;
    error.stack = 'mine';
    expect(error.stack).toBe('mine');
    expect(Object.keys(error)).toEqual([]);
  });
});

describe.each([false, true])('the stack of what a module throws, with inline: %p', (inline) => {
  const FILES = {
    'shop.ts': `import { check } from './check.js';
interface Order { amount: number }

export const total = (order: Order): number => check(order.amount);
export const late = async (order: Order): Promise<number> => {
  await null;
  return check(order.amount);
};
`,
    'check.ts': `// Comments and types take lines,
type Amount = number;
// of which a bundle knows nothing.
export function check(amount: Amount): number {
  if (amount < 0) throw new RangeError('negative', { cause: new Error('why') });
  return amount;
}
`,
    'broken.js': `const limits = undefined;

export const first = () => limits.first;
module.exports = limits.all;
`,
  };
  interface Shop {
    total: (order: { amount: number }) => number;
    late: (order: { amount: number }) => Promise<number>;
  }

  let pool: Pool;
  let sandbox: Sandbox;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
    sandbox = new Sandbox();
    for (const [name, text] of Object.entries(FILES)) writeFileSync(sandbox.path(name), text);
  });
  afterAll(async () => {
    await pool.close();
    await sandbox[Symbol.asyncDispose]();
  });
  const moduleAt = <M extends object>(name: string) => pool.module<M>(pathToFileURL(sandbox.path(name)));
  const frame = (name: string, file: string, place: string) =>
    `    at ${name} (${sandbox.path(file)}:${place})`;

  if (!inline) {
    test('names them in the outcome of a submitted task', async () => {
      const shop = await moduleAt<Shop>('shop.ts');
      const line = here();
      const wait = async () => {
        const task = await pool.submit(shop.total, [{ amount: -1 }]);
        await task.result();
      };
      const [, check, total, caller] = await stackOf(wait());
      expect([check, total]).toEqual([frame('check', 'check.ts', '5:25'), frame('total', 'shop.ts', '4:48')]);
      expect(caller).toMatch(new RegExp(`stacks\\.test\\.ts:${line + 3}:`));
    });
  }

  test('names the files that it was bundled from, with their lines', async () => {
    const shop = await moduleAt<Shop>('shop.ts');
    const error = (await rejection(pool.run(shop.total, { amount: -1 }))) as Error;
    const [head, ...frames] = error.stack?.split('\n') ?? [];
    expect(head).toBe('RangeError: negative');
    expect(frames.slice(0, 2)).toEqual([
      frame('check', 'check.ts', '5:25'),
      frame('total', 'shop.ts', '4:48'),
    ]);
    expect(frames.join('\n')).not.toMatch(/offhand-module|dist\//);
    expect((error.cause as Error).stack?.split('\n')[1]).toBe(frame('check', 'check.ts', '5:61'));
    const late = await stackOf(pool.run(shop.late, { amount: -1 }));
    expect(late[2]).toBe(frame('async late', 'shop.ts', '7:10').replace('async late', 'late'));
  });

  test('names them where a function that it goes along with calls it', async () => {
    const shop = await moduleAt<Shop>('shop.ts');
    const line = here();
    const priced = (amount: number) => shop.total({ amount });
    const [, first, second, third] = await stackOf(pool.with({ capture: { shop } }).run(priced, -2));
    expect(first).toBe(frame('check', 'check.ts', '5:25'));
    expect(second).toContain(`${sandbox.path('shop.ts')}:4:48`);
    if (!inline) expect(third).toMatch(new RegExp(`stacks\\.test\\.ts:${line + 1}:`));
  });

  test('names them where it throws when it is loaded', async () => {
    const broken = await moduleAt<{ first: () => unknown }>('broken.js');
    const error = (await rejection(pool.run(broken.first))) as Error;
    expect(error).toMatchObject({ code: 'not-shippable' });
    expect((error.cause as Error).stack).toContain(`(${sandbox.path('broken.js')}:4:25)`);
  });
});

describe('source maps', () => {
  const SOURCE = `import { startPool } from ${JSON.stringify(join(ROOT, 'dist/index.js'))};

interface Parsed { value: number }

/** Types and comments, which take lines. */
function parse(text: string): Parsed {
  type Local = string;
  const given: Local = text;
  throw new SyntaxError(given);
}

const pool = await startPool({ workers: 1 });
try {
  await pool.run(parse, 'broken');
} catch (error) {
  console.log((error as Error).stack);
}
await pool.close();
`;

  test.each<['inline' | 'external', string[]]>([
    ['inline', []],
    ['external', []],
    ['inline', ['--enable-source-maps']],
  ])('%s ones lead to the lines of the original (node %p)', async (sourcemap, flags) => {
    await using sandbox = new Sandbox();
    const { code, map } = transformSync(SOURCE, {
      loader: 'ts',
      format: 'esm',
      target: 'es2022',
      sourcemap,
      sourcefile: 'original.ts',
    });
    const link = sourcemap === 'external' ? '\n//# sourceMappingURL=main.mjs.map\n' : '';
    writeFileSync(sandbox.path('main.mjs'), code + link);
    if (map) writeFileSync(sandbox.path('main.mjs.map'), map);
    const { stdout } = await run(sandbox, process.execPath, [...flags, 'main.mjs']);
    const [head, first, second] = stdout.split('\n');
    expect(head).toBe('SyntaxError: broken');
    expect(first).toBe(`    at parse (${sandbox.path('original.ts')}:9:9)`);
    expect(second).toMatch(flags.length > 0 ? /original\.ts:14:3/ : /main\.mjs:\d+:\d+/);
  });
});

test('a debugger that is attached notices nothing, and loses nothing', async () => {
  const { code, out } = await startScript('debugged.mjs').ended;
  expect(JSON.parse(out)).toEqual({ namesLine: true, pauses: 1, hearsOfLaterScripts: true });
  expect(code).toBe(0);
});

describe('the stack of what a submitted task throws', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1 });
  });
  afterAll(() => pool.close());
  const fails = (text: string) => {
    throw new TypeError(text, { cause: new RangeError('deep') });
  };

  test('names the lines where the function is written, and goes on with where its result was awaited', async () => {
    const task = await pool.submit(fails, ['no']);
    const line = here();
    const wait = async () => {
      await task.result();
    };
    const [head, place, caller] = await stackOf(wait());
    expect(head).toBe('TypeError: no');
    expect(place).toMatch(/^ {4}at .*test\/inside\/stacks\.test\.ts:\d+:\d+$/);
    expect(caller).toMatch(new RegExp(`stacks\\.test\\.ts:${line + 2}:`));
  });

  test("has the function's own frames alone where nobody knows its file: by its id, and what the queue keeps", async () => {
    const task = await pool.submit(fails, ['no'], { retries: 1, retryOn: ['thrown'] });
    const error = (await rejection(pool.task(task.id).result())) as Error;
    const own = /^ {4}at offhand-task-[0-9a-f]{12}\.js:\d+:\d+$/;
    expect(error.stack?.split('\n')[1]).toMatch(own);
    expect(error.stack).not.toMatch(/dist\/|node:/);
    expect((error.cause as Error).stack?.split('\n')).toEqual([
      'RangeError: deep',
      expect.stringMatching(own),
    ]);
    const { earlier } = await task.explain();
    expect(earlier[0]?.stack?.split('\n')).toEqual(['TypeError: no', expect.stringMatching(own)]);
  });
});
