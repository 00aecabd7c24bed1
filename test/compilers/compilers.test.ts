import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Captures } from '../../src/client/shipping/captures.js';
import { startScript } from '../client/support.js';
import { compileFunction } from '../../src/wire/functions/compile.js';
import {
  type Compiler,
  load,
  SHAPES,
  withEsbuild,
  withIstanbul,
  withSwc,
  withTsc,
  withWebpack,
} from './compile-with.js';

const BASE = `${process.cwd()}/offhand-task.js`;

/** What each function of SHAPES gives, called alone. */
const EXPECTED: [name: string, args: unknown[], result: unknown][] = [
  ['plain', [4], 8],
  ['awaiting', [{ a: 1 }, 7, 7], 5],
  ['collecting', [3], [0, 1, 2]],
  ['importing', [], '/'],
  ['named', [], [expect.any(String), expect.any(String), 'numbernumber']],
  ['resting', [{ a: 1, b: 2, c: 3 }], { a: 1, b: 2, c: 3 }],
  ['using', [], ['used object object', 'second disposed', 'first disposed']],
  ['usingAsync', [], ['object', 'disposed', 'thrown']],
  ['method', [1], 2],
  ['größe', [3], 9],
];

/** Sends a function and runs what arrives; what it was refused with where it was not sent. */
async function travel(fn: unknown, args: unknown[]): Promise<unknown> {
  let source: string;
  try {
    ({ source } = Captures.none.ship(fn));
  } catch (error) {
    return (error as Error).message;
  }
  return await compileFunction(source, BASE)(...args);
}

const byImportHelpers = /uses `tslib_1`, which comes of importHelpers in tsconfig\.json; turn that off/;
const byWebpack = /is webpack's own; import inside the function, with \/\* webpackIgnore: true \*\//;
const byMinifier = /Names as short as these may be a minifier's; .*minifyIdentifiers: false.*mangle: false/;

const compilers: [name: string, compile: Compiler, named: Record<string, RegExp>][] = [
  ['tsc to ES2022', withTsc('ES2022'), {}],
  ['tsc to ES2017', withTsc('ES2017'), {}],
  ['tsc to ES2015', withTsc('ES2015'), {}],
  [
    'tsc with importHelpers',
    withTsc('ES2015', { importHelpers: true }),
    {
      awaiting: byImportHelpers,
      importing: byImportHelpers,
      resting: byImportHelpers,
      using: byImportHelpers,
      usingAsync: byImportHelpers,
    },
  ],
  ['esbuild for Node 20', withEsbuild({ target: 'node20' }), {}],
  ['esbuild, keeping names, as tsx has it', withEsbuild({ target: 'node20', keepNames: true }), {}],
  [
    'esbuild, minified',
    withEsbuild({ target: 'node20', minify: true }),
    { using: byMinifier, usingAsync: byMinifier },
  ],
  ['esbuild to ES2016', withEsbuild({ target: 'es2016' }), {}],
  ['swc to ES2022', withSwc('es2022'), {}],
  ['swc to ES2016', withSwc('es2016'), {}],
  ['istanbul, as jest has it', withIstanbul(), {}],
  ['webpack for development', withWebpack('development'), { importing: byWebpack }],
  [
    'webpack for production',
    withWebpack('production'),
    {
      importing: byMinifier,
      using: byMinifier,
      usingAsync: byMinifier,
    },
  ],
];

// As on a worker, functions find `require`.
const provide = (require: unknown) => {
  const set = new Script('(require) => void (globalThis.require = require)').runInThisContext() as (
    given: unknown,
  ) => void;
  set(require);
};
beforeAll(() => provide(createRequire(BASE)));
afterAll(() => provide(undefined));

describe.each(compilers)('%s', (_name, compile, named) => {
  let shapes: Record<string, unknown>;
  beforeAll(async () => {
    shapes = load(await compile(SHAPES));
  });

  test.each(EXPECTED)('%s', async (name, args, result) => {
    const arrived = await travel(shapes[name], args);
    expect(arrived).toEqual(named[name] ? expect.stringMatching(named[name]) : result);
  });

  test('an import of the module is named', async () => {
    expect(await travel(shapes.outside, [])).toMatch(/uses `\w+`/);
  });
});

// As vitest 4.1 gives them; it is not installed here.
describe('vitest', () => {
  const evaluate = (text: string): unknown => new Script(`(${text})`).runInThisContext();

  test('import() works', async () => {
    const text = `async (n) => (await __vite_ssr_dynamic_import__("node:path")).posix.sep + n`;
    expect(await travel(evaluate(text), [1])).toBe('/1');
  });

  test.each([
    ['__vite_ssr_import_1__', `(n) => (0,__vite_ssr_import_1__.readFileSync)(n)`],
    ['__vite_ssr_import_meta__', `() => __vite_ssr_import_meta__.url`],
    ['__vi_import_0__', `() => __vi_import_0__.sep`],
  ])('an import of the module, %s, is named', async (name, text) => {
    expect(await travel(evaluate(text), [])).toMatch(
      `the function uses \`${name}\`, which is what vitest makes of an import of the module; import it inside the function`,
    );
  });
});

test('tsx: a program that it runs can send its functions', async () => {
  const { ended } = startScript('../compilers/run-by-tsx.ts', { node: ['--import', 'tsx'] });
  expect(await ended).toMatchObject({ code: 0, out: 'inner 3\nsrc: used disposed\n', err: '' });
}, 60_000);
