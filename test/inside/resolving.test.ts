/* eslint-disable @typescript-eslint/no-require-imports -- that is what is tried */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type * as LruCache from 'lru-cache';
import { type Pool, startPool } from 'offhand';
import { Sandbox } from '../support/sandbox.js';

/** Both find a package of the worker's folder, and resolve relative names from there. */
const resolved = async () => {
  const { LRUCache } = await import('lru-cache');
  const required = require('lru-cache') as typeof LruCache;
  const { name } = require('./package.json') as { name: string };
  return [typeof LRUCache, typeof required.LRUCache, name];
};
async function firstOf<T>(values: AsyncIterable<T>): Promise<T | undefined> {
  for await (const value of values) return value;
  return undefined;
}
const EXPECTED = ['function', 'function', 'offhand'];

const MODULE = `
import { LRUCache } from 'lru-cache';
export const resolved = async () => {
  const imported = await import('lru-cache');
  const { name } = require(['.', 'package.json'].join('/'));
  return [typeof imported.LRUCache, typeof LRUCache, name];
};
`;

describe.each([false, true])(
  'import() and require() resolve from the folder of the worker, with inline: %p',
  (inline) => {
    let pool: Pool;
    beforeAll(async () => {
      pool = await startPool({ workers: 1, inline });
    });
    afterAll(() => pool.close());

    const paths: [string, (resolve: typeof resolved) => Promise<unknown>][] = [
      ['a call', (fn) => pool.run(fn)],
      ['an isolated call', (fn) => pool.with({ isolate: true }).run(fn)],
      ['a call with something captured', (fn) => pool.with({ capture: { fn } }).run(() => fn())],
      ['a map', (fn) => firstOf(pool.map(fn, [undefined]))],
      [
        'a broadcast',
        async (fn) => (await pool.broadcast(fn)).map((each) => 'value' in each && each.value)[0],
      ],
    ];
    // As they stand in this file, functions of a pool without workers keep what its runner made of them.
    if (!inline) test.each(paths)('in %s', async (_, ask) => expect(await ask(resolved)).toEqual(EXPECTED));

    test('in a module', async () => {
      await using sandbox = new Sandbox();
      writeFileSync(sandbox.path('module.js'), MODULE);
      const url = pathToFileURL(sandbox.path('module.js'));
      const module = await pool.module<{ resolved: typeof resolved }>(url, { external: ['lru-cache'] });
      expect(await pool.run(module.resolved)).toEqual(EXPECTED);
    });
  },
);

describe('import() and require() resolve from there too', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1 });
  });
  afterAll(() => pool.close());

  test('in a stream', async () => {
    const rows: unknown[] = [];
    for await (const row of pool.stream(async function* () {
      yield typeof (await import('lru-cache')).LRUCache;
      yield (require('./package.json') as { name: string }).name;
    }))
      rows.push(row);
    expect(rows).toEqual(['function', 'offhand']);
  });

  test('in a setup', async () => {
    const warm = pool.with({});
    await warm.setup(async () => {
      const { LRUCache } = await import('lru-cache');
      (globalThis as { found?: unknown }).found = [
        typeof LRUCache,
        (require('./package.json') as { name: string }).name,
      ];
    });
    expect(await warm.run(() => (globalThis as { found?: unknown }).found)).toEqual(['function', 'offhand']);
  });

  test('in a submitted task', async () => {
    const task = await pool.submit(resolved, []);
    expect(await task.result()).toEqual(EXPECTED);
  });
});
