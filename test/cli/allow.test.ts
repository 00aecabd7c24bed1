import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Finished, offhand } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = new Sandbox();
  writeFileSync(sandbox.path('m.mjs'), 'export const double = (n) => 2 * n;');
  writeFileSync(sandbox.path('add.js'), '(a, b) => a + b');
  writeFileSync(sandbox.path('functions.json'), '{"offhand":1,"functions":[]}');
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const allow = (...args: string[]): Promise<Finished> => offhand(sandbox, ['allow', ...args]);

describe('offhand allow', () => {
  const list = (file: string) =>
    JSON.parse(readFileSync(sandbox.path(file), 'utf8')) as { functions: object[] };

  test('registers a function once, replaces it, and takes it off the list', async () => {
    writeFileSync(sandbox.path('own.mjs'), 'export const f = () => 1;');
    const file = ['--functions', 'own.json'];
    expect((await allow('own.mjs#f', ...file)).stdout).toMatch('own.json: f may run (sha256 ');
    const first = list('own.json');
    expect(first.functions).toEqual([
      {
        name: 'f',
        from: 'own.mjs#f',
        id: expect.stringMatching(/^[0-9a-f]{64}$/),
        parts: [expect.stringMatching(/^MODULE /)],
      },
    ]);
    expect((await allow('own.mjs#f', ...file)).stdout).toMatch('f may run already');
    expect(list('own.json')).toEqual(first);
    writeFileSync(sandbox.path('own.mjs'), 'export const f = () => 2;');
    expect((await allow('own.mjs#f', ...file)).stdout).toMatch(
      /f \(sha256 \w+\) may run in place of the one before \(sha256 /,
    );
    expect(list('own.json').functions).toHaveLength(1);
    expect(list('own.json')).not.toEqual(first);
    expect((await allow('own.mjs#f', '--name', 'g', ...file)).stdout).toMatch('g may run');
    expect(JSON.parse((await allow('--remove', 'g', '--json', ...file)).stdout)).toHaveLength(1);
    expect(await allow('--remove', 'g', ...file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching('own.json has no function g; it has f'),
    });
  }, 60_000);

  test('gives a module the same hash from wherever it is called', async () => {
    const away = new Sandbox();
    const file = sandbox.path('away.json');
    await allow('m.mjs#double', '--functions', 'here.json');
    await offhand(away, ['allow', `${sandbox.path('m.mjs')}#double`, '--functions', file]);
    await away[Symbol.asyncDispose]();
    const [here] = list('here.json').functions;
    expect(list('away.json').functions).toEqual([{ ...here, from: expect.any(String) }]);
  });
});

test.each([
  ['no list', ['--code', 'named'], /--code named: expected --functions FILE/],
  ['a list without --code named', ['--functions', 'functions.json'], /any function runs unless --code named/],
  [
    'a list that is not there',
    ['--code', 'named', '--functions', 'none.json'],
    /none\.json: there is no such file/,
  ],
  [
    'an empty list',
    ['--code', 'named', '--functions', 'empty.json'],
    /it has no function, so nothing could run/,
  ],
  ['no JSON', ['--code', 'named', '--functions', 'add.js'], /not what `offhand allow` writes/],
  ['no functions', ['--code', 'named', '--functions', 'bare.json'], /it has no array "functions"/],
  [
    'a hash that is none',
    ['--code', 'named', '--functions', 'hash.json'],
    /functions\[0\]\.id: expected a SHA-256/,
  ],
  ['a folder', ['--code', 'named', '--functions', '.'], /cannot be read/],
  ['another word', ['--code', 'some'], /code/],
])('a server with %s does not start, and says why', async (_, flags, words) => {
  writeFileSync(sandbox.path('empty.json'), '{"offhand":1,"functions":[]}');
  writeFileSync(sandbox.path('bare.json'), '[]');
  writeFileSync(
    sandbox.path('hash.json'),
    '{"offhand":1,"functions":[{"name":"f","from":"","id":"1","parts":[]}]}',
  );
  const { code, stderr } = await offhand(sandbox, ['server', '1', ...flags]);
  expect(code).toBe(1);
  expect(stderr).toMatch(words);
});
