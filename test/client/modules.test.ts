import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { bundleModule } from '../../src/client/modules/bundle.js';
import { poolError, temporaryFolder } from './support.js';

let folder: { path: string; remove: () => void };
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

/** Writes files into a folder of their own; the first is the module. */
function moduleOf(files: Record<string, string>): URL {
  const own = join(folder.path, `m${made++}`);
  for (const [name, text] of Object.entries(files)) {
    const path = join(own, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
  }
  return pathToFileURL(join(own, Object.keys(files)[0] ?? ''));
}
let made = 0;

const image = {
  'image.ts': `
    import { area } from './shapes.ts';
    import units from './units.json';
    import { pad } from 'padding';
    import { readFileSync } from 'node:fs';
    export type Size = { width: number; height: number };
    let calls = 0;
    export const inWords = async (size: Size): Promise<string> => pad(\`\${area(size)} \${units.area}\`);
    export function calledSoFar() { return ++calls; }
    export const canRead = () => typeof readFileSync;
    export const SCALE = 3;
    export default (n: number) => n * SCALE;
    export class Ruler {}
  `,
  'shapes.ts': `export const area = ({ width, height }: { width: number; height: number }) => width * height;`,
  'units.json': `{ "area": "m2" }`,
  'node_modules/padding/package.json': `{ "name": "padding", "main": "main.cjs" }`,
  'node_modules/padding/main.cjs': `exports.pad = (text) => '[' + text + ']';`,
};
interface Image {
  inWords: (size: { width: number; height: number }) => Promise<string>;
  calledSoFar: () => number;
  canRead: () => string;
  SCALE: number;
  default: (n: number) => number;
  Ruler: new () => object;
}

describe.each([true, false])('a module, with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
  });
  afterAll(() => pool.close());

  test('is sent with all that it imports: TypeScript, JSON, packages, what Node has', async () => {
    const remote = await pool.module<Image>(moduleOf(image));
    expect(await pool.run(remote.inWords, { width: 2, height: 3 })).toBe('[6 m2]');
    expect(await pool.run(remote.canRead)).toBe('function');
    expect(await pool.run(remote.default, 2)).toBe(6);
    const all: number[] = [];
    for await (const n of pool.map(remote.default, [1, 2])) all.push(n);
    expect(all).toEqual([3, 6]);
  });

  test('is loaded once by a slot, so that it keeps what it knows', async () => {
    const remote = await pool.module<Image>(moduleOf(image));
    const counts = [await pool.run(remote.calledSoFar), await pool.run(remote.calledSoFar)];
    expect(counts[1]).toBe(counts[0]! + 1);
  });

  test('goes along with other functions, as a whole or by one of its functions', async () => {
    const shapes = await pool.module<{ area: (size: object) => number }>(
      moduleOf({ 's.ts': image['shapes.ts'] }),
    );
    const { area } = shapes;
    const captured = pool.with({ capture: { shapes, area } });
    expect(
      await captured.run((size: object) => [shapes.area(size), area(size)], { width: 2, height: 5 }),
    ).toEqual([10, 10]);
  });

  test('may be CommonJS, by its names and as a whole', async () => {
    const url = moduleOf({
      'm.cjs': 'module.exports = Object.assign((n) => n + 1, { twice: (n) => 2 * n });',
    });
    const remote = await pool.module<{ default: (n: number) => number; twice: (n: number) => number }>(url);
    expect(await pool.run(remote.twice, 4)).toBe(8);
    expect(await pool.run(remote.default, 4)).toBe(5);
  });

  test('takes its place on the worker for its own: import.meta, require and import() look from there', async () => {
    const url = moduleOf({
      'm.mjs': `
        import { createRequire } from 'node:module';
        export const found = async () => [
          typeof createRequire(import.meta.url)('lru-cache').LRUCache,
          import.meta.dirname === process.cwd(),
          (await import('node:path')).posix.sep,
        ];`,
    });
    const remote = await pool.module<{ found: () => Promise<unknown> }>(url);
    expect(await pool.run(remote.found)).toEqual(['function', true, '/']);
  });

  test('with native code inside a package leaves that to the worker’s side', async () => {
    const url = moduleOf({
      'm.ts': `
        import { createCanvas } from '@napi-rs/canvas';
        export const widthOf = (n: number) => createCanvas(n, 1).width;
      `,
    });
    const remote = await pool.module<{ widthOf: (n: number) => number }>(url, {
      external: ['@napi-rs/canvas'],
    });
    expect(await pool.run(remote.widthOf, 7)).toBe(7);
  });

  const failing: [what: string, files: Record<string, string>, words: RegExp][] = [
    [
      'that throws when it is loaded',
      { 'm.ts': 'throw new Error("no config"); export const run = () => 1;' },
      /m\.ts threw when the worker loaded it: (?:Error: )?no config$/,
    ],
    [
      'whose imports go in a circle that cannot work',
      {
        'm.ts': `import { B } from './b.ts'; export class A {} export const run = () => new B();`,
        'b.ts': `import { A } from './m.ts'; export class B extends A {}`,
      },
      /Class extends value undefined.*; its imports go in a circle, \S*m\.ts → \S*b\.ts → \S*m\.ts: what one of them needs/,
    ],
    [
      'that needs what the worker does not have',
      { 'm.ts': `import x from 'nowhere-to-be-found'; export const run = () => x;` },
      /loaded it: (?:Error: )?Cannot find module 'nowhere-to-be-found'.*; what is not bundled has to be installed on the worker's side/,
    ],
    [
      'whose export is no function',
      { 'm.ts': `export const run = 5; export const other = () => 1;` },
      /m\.ts has no function run; it exports /,
    ],
    [
      'whose export is a class',
      { 'm.ts': `export class run {}` },
      /run of m\.ts is a class; send a function that makes one, with the module captured: /,
    ],
  ];
  test.each(failing)(
    '%s fails its calls in a sentence, and the worker is none the worse',
    async (_what, files, words) => {
      const remote = await pool.module<{ run: () => unknown }>(moduleOf(files), {
        external: ['nowhere-to-be-found'],
      });
      for (let attempt = 0; attempt < 2; attempt++) {
        const error = await poolError(pool.run(remote.run));
        expect(error).toMatchObject({
          code: 'not-shippable',
          mayHaveRun: false,
          message: expect.stringMatching(words),
        });
      }
      expect(await pool.run(() => 'well')).toBe('well');
    },
  );

  test('whose imports go in a circle that works, works', async () => {
    const url = moduleOf({
      'm.ts': `import { isOdd } from './odd.ts'; export const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);`,
      'odd.ts': `import { isEven } from './m.ts'; export const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);`,
    });
    expect(await pool.run((await pool.module<{ isEven: (n: number) => boolean }>(url)).isEven, 10)).toBe(
      true,
    );
  });
});

describe('a module that cannot be sent', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ inline: true });
  });
  afterAll(() => pool.close());

  const refusals: [what: string, open: () => Promise<unknown>, code: string, words: RegExp][] = [
    [
      'a syntax error',
      () => pool.module(moduleOf({ 'm.ts': 'export const = 1;' })),
      'not-shippable',
      /m\.ts cannot be bundled: \S*m\.ts:1: Expected identifier/,
    ],
    [
      'an import that is not there',
      () => pool.module(moduleOf({ 'm.ts': `import './gone.ts';` })),
      'not-shippable',
      /m\.ts:1: Could not resolve "\.\/gone\.ts"/,
    ],
    [
      'await at its top',
      () => pool.module(moduleOf({ 'm.ts': '\nexport const x = await 1;' })),
      'not-shippable',
      /m\.ts:2: a module that is sent cannot await at its top; put that into a function$/,
    ],
    [
      'no such file',
      () => pool.module('/nowhere/m.ts'),
      'invalid-argument',
      /there is no file \/nowhere\/m\.ts$/,
    ],
    [
      'a relative path',
      () => pool.module('./m.ts'),
      'invalid-argument',
      /^pool\.module: expected the URL of a file: new URL\('\.\/image\.ts', import\.meta\.url\), got "\.\/m\.ts"$/,
    ],
    [
      'an option nobody knows',
      () => pool.module('/m.ts', { externals: [] } as object),
      'invalid-argument',
      /^pool\.module: unknown option externals; there are external, maxSize$/,
    ],
    [
      'a limit that is none',
      () => pool.module('/m.ts', { maxSize: 'much' }),
      'invalid-argument',
      /^maxSize: expected a size such as 512mb or 2gb, at least 1kb, got much$/,
    ],
    [
      'a bundle above its limit',
      () =>
        pool.module(
          moduleOf({
            'm.ts': `import { big } from 'big'; import { mid } from './mid.ts'; export const run = () => big + mid;`,
            'mid.ts': `export const mid = '${'m'.repeat(5_000)}';`,
            'node_modules/big/package.json': '{ "name": "big", "main": "main.js" }',
            'node_modules/big/main.js': `exports.big = '${'b'.repeat(20_000)}';`,
          }),
          { maxSize: '10kb' },
        ),
      'too-large',
      /m\.ts: its bundle has \d+ kB, and at most 10 kB may be sent; the largest parts are big \(20 kB\), \S*mid\.ts \(5 kB\), .*`external`, or give another `maxSize`$/,
    ],
  ];
  test.each(refusals)('%s', async (_what, open, code, words) => {
    expect(await poolError(open())).toMatchObject({ code, message: expect.stringMatching(words) });
  });

  test('its functions called in this process say where they run', async () => {
    const { area } = await pool.module<{ area: (n: number) => number }>(
      moduleOf({ 'm.ts': 'export const area = (n: number) => n;' }),
    );
    expect(() => area(1)).toThrow(/`area` of \S*m\.ts runs on the pool: pool\.run\(module\.area, …\)/);
  });
});

describe('bundling', () => {
  const settings = { external: [], maxBytes: 1e6 };

  test('is done again only where a file has changed', async () => {
    const path = moduleOf({
      'm.ts': `import { n } from './n.ts'; export const run = () => n;`,
      'n.ts': 'export const n = 1;',
    }).pathname;
    const first = await bundleModule(path, settings);
    expect(await bundleModule(path, settings)).toBe(first);
    writeFileSync(join(path, '../n.ts'), 'export const n = 22;');
    const second = await bundleModule(path, settings);
    expect(second).not.toBe(first);
    expect(second.part.id).not.toBe(first.part.id);
    expect(Buffer.from(second.part.data).toString()).toContain('22');
  });

  test('gives the same content for the same source, wherever it is done', async () => {
    const files = { 'm.ts': 'export const run = () => 1;' };
    const [one, other] = [moduleOf(files).pathname, moduleOf(files).pathname];
    expect(Buffer.from((await bundleModule(one, settings)).part.data).toString()).toContain('run');
    expect((await bundleModule(one, settings)).exports).toEqual(['run']);
    expect((await bundleModule(other, settings)).exports).toEqual(['run']);
  });

  const natives: [what: string, files: Record<string, string>][] = [
    [
      'says so in its package.json',
      { 'package.json': '{ "name": "native", "gypfile": true }', 'index.js': '' },
    ],
    [
      'depends on a loader of such code',
      { 'package.json': '{ "name": "native", "dependencies": { "bindings": "1" } }', 'index.js': '' },
    ],
    [
      'has a file to build it by',
      { 'package.json': '{ "name": "native" }', 'index.js': '', 'binding.gyp': '{}' },
    ],
    [
      'turns out to load some',
      { 'package.json': '{ "name": "native" }', 'index.js': `module.exports = require('./it.node');` },
    ],
  ];
  test.each(natives)('leaves out a package with native code, which %s', async (_what, files) => {
    const inPackage = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [`node_modules/native/${name}`, text]),
    );
    const url = moduleOf({
      'm.ts': `import * as native from 'native'; export const run = () => native;`,
      ...inPackage,
    });
    const { part } = await bundleModule(url.pathname, settings);
    expect(Buffer.from(part.data).toString()).toContain('require("native")');
  });
});
