import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

/** What each room may import from, itself aside. The command line puts everything together. */
const ALLOWED: Record<string, string[]> = {
  core: [],
  host: ['core'],
  wire: ['core'],
  client: ['core', 'host', 'wire', 'cluster'],
  // The connection to a NATS cluster, and who is there.
  cluster: ['core', 'host', 'wire'],
  queue: ['core', 'host', 'wire', 'client', 'cluster'],
  server: ['core', 'host', 'wire', 'queue', 'cluster'],
  http: ['core', 'host', 'wire', 'queue', 'server'],
  worker: ['core', 'host', 'wire'],
  grapher: [],
  authority: ['core', 'host', 'wire'],
  // A client of the pool like any other: it knows the public names alone.
  scripts: ['core', 'index.js'],
  cli: [
    'core',
    'host',
    'wire',
    'client',
    'server',
    'http',
    'worker',
    'grapher',
    'scripts',
    'authority',
    'cluster',
  ],
};
const SOURCE = resolve('src');

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && file.includes('/') && !file.includes('generated/'),
);

test.each(Object.keys(ALLOWED))('%s imports only from where it may', (room) => {
  const strays = files
    .filter((file) => file.startsWith(`${room}/`))
    .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
    .filter(({ target }) => target !== room && !ALLOWED[room]?.includes(target));
  expect(strays).toEqual([]);
});

test('every folder of the sources is a room with rules', () => {
  expect(new Set(files.map((file) => file.split('/')[0]))).toEqual(new Set(Object.keys(ALLOWED)));
});

test('the decisions in core need nothing but the language', () => {
  const outside = files.filter((file) => file.startsWith('core/')).flatMap((file) => specifiersOf(file));
  expect(outside.filter((specifier) => !specifier.startsWith('.'))).toEqual([]);
});

test("a worker's main thread loads nothing of what runs beside the code of users", () => {
  // Both are where a thread begins.
  const threads = ['worker/slot-thread.ts', 'worker/isolated-thread.ts'];
  const loading = files
    .filter((file) => !file.startsWith('worker/thread/') && !threads.includes(file))
    .filter((file) =>
      /^(import|export) (?!type )[^;]*?from '[^']*\/thread\//m.test(readFileSync(join(SOURCE, file), 'utf8')),
    );
  expect(loading).toEqual([]);
});

test('the dashboard imports nothing from there but what charts are made of', () => {
  const web = readdirSync('web/src').filter((file) => /\.tsx?$/.test(file));
  const outside = web
    .flatMap((file) => specifiersOf(join('..', 'web', 'src', file)))
    .filter((specifier) => specifier.startsWith('../'));
  expect(new Set(outside)).toEqual(new Set(['../../src/grapher/charts/index.js']));
});

/** The rooms that a file imports from by relative path. */
function importsOf(file: string): string[] {
  return specifiersOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(SOURCE, resolve(SOURCE, file, '..', specifier)).split('/')[0] ?? '');
}

function specifiersOf(file: string): string[] {
  const text = readFileSync(join(SOURCE, file), 'utf8');
  const matches = text.matchAll(
    /^(?:import|export)[^;]*?from '([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm,
  );
  return [...matches].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
