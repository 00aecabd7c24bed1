import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { transformSync } from 'esbuild';
import { type Pool, startPool } from 'offhand';
import { join } from 'node:path';
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
