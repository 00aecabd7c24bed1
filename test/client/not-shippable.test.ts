import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { freeNamesOf } from '../../src/wire/functions/free-names.js';
import { poolError, startScript } from './support.js';

const rate = 2;
const sharp = { resize: (n: number) => n };
declare const notThere: unknown;

describe.each([true, false])('a function that uses what stands around it, with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
  });
  afterAll(() => pool.close());

  test('is refused before it is sent, with all that it lacks and what to do', async () => {
    const resize = (n: number) => sharp.resize(n) * rate;
    const error = await poolError(pool.run(resize, 1));
    expect(error).toMatchObject({ code: 'not-shippable', mayHaveRun: false });
    expect(error.message).toMatch(
      /^`resize`(?: \(.*\))? uses `sharp`, `rate` from outside; pass them with `pool\.with\(\{ capture: \{ sharp, rate \} \}\)`, import inside the function, or use `pool\.module\(\)`$/,
    );
  });

  test('is refused by map too', async () => {
    const results = pool.map((n: number) => n * rate, [1, 2]);
    await expect(results.next()).rejects.toMatchObject({ code: 'not-shippable' });
  });

  test('may probe for what is not there, and call itself', async () => {
    expect(await pool.run(() => (typeof notThere === 'undefined' ? 'absent' : notThere))).toBe('absent');
    const factorial = (n: number): number => (n > 1 ? n * factorial(n - 1) : 1);
    expect(await pool.run(factorial, 5)).toBe(120);
    // The same text by another name means something else.
    const other = [(n: number): number => (n > 1 ? n * factorial(n - 1) : 1)];
    expect((await poolError(pool.run(other[0] as typeof factorial, 5))).message).toMatch(
      /uses `factorial` from outside/,
    );
  });

  test('may use all that Node has, and require', async () => {
    const used = () =>
      [Buffer, process, URL, structuredClone, setTimeout, performance, AbortSignal, Atomics, Intl, global]
        .concat(fetch as never, require as never, queueMicrotask as never, TextDecoder as never)
        .every(Boolean);
    expect(await pool.run(used)).toBe(true);
  });

  const special: [what: string, fn: () => unknown, words: RegExp][] = [
    [
      '__dirname',
      () => __dirname,
      /uses `__dirname`, which is the folder of its module; pass it as an argument$/,
    ],
    ['module', () => module.id, /uses `module`, which belongs to its module/],
    [
      'arguments',
      function make() {
        return () => arguments.length;
      }.call(undefined),
      /uses `arguments`, which are those of the function around it/,
    ],
    [
      'this',
      function (this: { rate: number }) {
        return () => this.rate;
      }.call({ rate }),
      /uses the `this` around it; pass what it takes from there as an argument$/,
    ],
  ];
  test.each(special)('%s: has words of its own', async (_name, fn, words) => {
    const error = await poolError(pool.run(fn));
    expect(error).toMatchObject({ code: 'not-shippable', message: expect.stringMatching(words) });
  });
});

describe('free names', () => {
  const cases: [source: string, names: string[]][] = [
    ['function f(a = b) { var c; return arguments.length + d + f }', ['b', 'd']],
    [
      '({ a: { b }, ...rest } = given) => { label: for (const x of rest) try { x } catch { continue label } }',
      ['given'],
    ],
    ['() => { if (a) { function g() {} } return g() }', ['a']],
    ['() => { total += 1 }', ['total']],
    [
      '() => ({ key: value, short, [computed]: 1, method() { return other } })',
      ['value', 'short', 'computed', 'other'],
    ],
    ['() => { hoisted(); function hoisted() { return deep } }', ['deep']],
    ['async function* 名() { yield* π }', ['π']],
    [
      'class A extends B { static x = y; #p = z; static { q() } m() { return this.#p + A.name } }',
      ['B', 'y', 'z', 'q'],
    ],
    ['() => { using x = open(); await2 }', ['open', 'await2']],
    ['() => import("node:fs")', []],
    ['() => typeof x === "undefined" ? 1 : x', []],
    ['(a) => a.b.c?.d[`${e}`]', ['e']],
    ['function () { return new.target }', []],
  ];
  test.each(cases)('%s', (source, names) => {
    expect(freeNamesOf(source)?.names).toEqual(names);
  });

  test.each(['(o) => { with (o) { return x } }', '() => eval("x")', 'no ( function'])(
    'nobody can tell: %s',
    (source) => {
      expect(freeNamesOf(source)).toBeUndefined();
    },
  );

  test.each([
    '() => this.rate',
    '() => { const self = this; return self }',
    '() => { const { rate } = this; return rate }',
    '(x) => Object.keys(this).length + x',
    '() => this',
    '() => () => [...this]',
  ])('uses the `this` around it: %s', (source) => {
    expect(freeNamesOf(source)?.usesOuterThis).toBe(true);
  });

  test.each([
    'function () { return this.rate }',
    '() => function () { return this }',
    '() => class { a = this; m() { return this } }',
    // What tsc, tsc with importHelpers, swc and esbuild make of async arrow functions.
    '() => __awaiter(this, void 0, void 0, function* () { return 1 })',
    '() => (0, tslib_1.__awaiter)(this, void 0, void 0, function* () { return 1 })',
    '() => _async_to_generator(function* () { return 1 }).call(this)',
    '() => __async(this, null, function* () { return 1 })',
  ])('does not: %s', (source) => {
    expect(freeNamesOf(source)?.usesOuterThis).toBe(false);
  });

  test('those that a class needs at once are told from those that it needs later', () => {
    const source = 'class A extends B { static c = d; m() { return e } }';
    expect(freeNamesOf(source)).toMatchObject({ names: ['B', 'd', 'e'], eager: ['B', 'd'] });
  });
});

test('the error says where the function stands', async () => {
  const { code, out } = await startScript('uses-outside.mjs').ended;
  expect(code).toBe(0);
  expect(out).toMatch(/^`resize` \(.*uses-outside\.mjs:4\) uses `factor` from outside; /);
});
