import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Finished, ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

// What a user gets: the tarball, installed into an empty project.

const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  devDependencies: Record<string, string>;
};
const INSTALL = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier'];
const CANVAS = `@napi-rs/canvas@${PACKAGE.devDependencies['@napi-rs/canvas']}`;
const ONE_TASK = `const pool = await startPool({ workers: 1 });
  console.log(await pool.run((a, b) => a + b, 2, 3));
  await pool.close();`;

/** The temp project keeps npm's own settings and cache: only what offhand writes is moved. */
class Project extends Sandbox {
  override get env(): NodeJS.ProcessEnv {
    return { ...super.env, HOME: process.env['HOME'] };
  }

  node(...args: string[]): Promise<Finished> {
    return run(this, process.execPath, args);
  }

  npm(...args: string[]): Promise<Finished> {
    return run(this, 'npm', args);
  }

  offhand(...args: string[]): Promise<Finished> {
    return run(this, this.path('node_modules', '.bin', 'offhand'), args);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }
}

let project: Project;

beforeAll(async () => {
  project = new Project();
  await using checkout = new (class extends Project {
    override readonly cwd = ROOT;
  })();
  const packed = await checkout.npm(
    'pack',
    '--ignore-scripts',
    '--silent',
    '--pack-destination',
    project.cwd,
  );
  expect(packed).toMatchObject({ code: 0, stdout: `offhand-${PACKAGE.version}.tgz\n` });
  project.write('package.json', '{ "private": true }\n');
  const installed = await project.npm('install', `./offhand-${PACKAGE.version}.tgz`, ...INSTALL);
  expect(installed).toMatchObject({ code: 0 });
}, 180_000);

afterAll(() => project[Symbol.asyncDispose]());

test('an ES module imports it', async () => {
  project.write('import.mjs', `import { startPool } from 'offhand';\n${ONE_TASK}\n`);
  expect(await project.node('import.mjs')).toMatchObject({ code: 0, stdout: '5\n', stderr: '' });
});

test('a CommonJS file requires it, and gets the same classes as an import', async () => {
  project.write(
    'require.cjs',
    `const { startPool, PoolError } = require('offhand');
(async () => {
  ${ONE_TASK}
  console.log(PoolError === (await import('offhand')).PoolError);
})();\n`,
  );
  expect(await project.node('require.cjs')).toMatchObject({ code: 0, stdout: '5\ntrue\n', stderr: '' });
});

test('the command is there, and knows its version', async () => {
  expect(await project.offhand('--version')).toMatchObject({
    code: 0,
    stdout: `${PACKAGE.version}\n`,
    stderr: '',
  });
});

test('nothing that draws, browses or stores is installed, and nothing is left to compile', () => {
  const installed = readdirSync(project.path('node_modules'), { recursive: true, withFileTypes: true });
  const packages = installed
    .filter((entry) => entry.name === 'package.json')
    .map((entry) => entry.parentPath.split('node_modules/').at(-1) ?? '');
  expect(packages).toContain('offhand');
  const unwanted =
    /^(@napi-rs\/|canvas|skia|chart|puppeteer|playwright|sqlite|better-sqlite|libsql|@libsql|lmdb|vite|rolldown|preact|axe-)/;
  expect(packages.filter((name) => unwanted.test(name))).toEqual([]);
  expect(installed.filter((entry) => entry.name === 'binding.gyp')).toEqual([]);
});

test('the tarball holds what it needs and no build state', () => {
  const names = readdirSync(project.path('node_modules', 'offhand'), { recursive: true }).map(String);
  for (const name of [
    'LICENSE',
    'CHANGELOG.md',
    'docs/errors.md',
    'dist/index.cjs',
    'dist/index.d.cts',
    'dist/web/page.js',
  ]) {
    expect(names).toContain(name);
  }
  expect(names).toContain('dist/grapher/fonts/LICENSE');
  expect(names.filter((name) => /tsbuildinfo|^src|^test|node_modules/.test(name))).toEqual([]);
});

test('publint and attw find nothing wrong with it', async () => {
  const tarball = project.path(`offhand-${PACKAGE.version}.tgz`);
  const bin = (name: string) => join(ROOT, 'node_modules', '.bin', name);
  expect(await run(project, bin('publint'), [tarball, '--strict'])).toMatchObject({ code: 0 });
  expect(await run(project, bin('attw'), [tarball, '--profile', 'node16'])).toMatchObject({ code: 0 });
});

const CONSUMER = `
const double = (n: number): number => n * 2;

async function use(): Promise<void> {
  await using pool: Pool = await startPool({ workers: 1 });
  const sum: number = await pool.run((a: number, b: number) => a + b, 1, 2);
  const later: string = await pool.run(async (text: string) => text.trim(), ' x ');
  for await (const n of pool.map(double, [sum], { concurrency: 2 })) n.toFixed();
  for await (const n of pool.map(double, [sum], { errors: 'collect' })) {
    if (n instanceof Error) n.message.trim();
    else n.toFixed();
  }
  const options: CallOptions = { timeoutMs: 1_000, signal: new AbortController().signal };
  const other: Pool = await connect('localhost:4999', { token: later });
  const doubled: number = await other.with(options).run(double, 1);
  await other.close();
  // @ts-expect-error an argument of the wrong type
  await pool.run(double, 'one');
  // @ts-expect-error an argument too few
  await pool.run(double);
  // @ts-expect-error no such option
  pool.with({ timeout: doubled });
  // @ts-expect-error the result is a number
  const wrong: string = await pool.run(double, 1);
  return void wrong;
}

function codeOf(error: unknown): ErrorCode | undefined {
  if (!(error instanceof PoolError)) return undefined;
  const known: PoolError = error;
  return known.code === 'timeout' ? known.code : known.mayHaveRun ? 'internal' : undefined;
}

export { codeOf, use };
`;
const NAMES = 'type CallOptions, connect, type ErrorCode, type Pool, PoolError, startPool';

test.each([
  ['node16', 'node16', 'consumer.mts'],
  ['node16', 'node16', 'consumer.cts'],
  ['nodenext', 'nodenext', 'consumer.mts'],
  ['nodenext', 'nodenext', 'consumer.cts'],
  ['bundler', 'preserve', 'consumer.mts'],
  ['bundler', 'esnext', 'consumer.ts'],
])('strict types under moduleResolution %s, module %s: %s', async (moduleResolution, module, file) => {
  project.write(file, `import { ${NAMES} } from 'offhand';\n${CONSUMER}`);
  const config = {
    compilerOptions: {
      module,
      moduleResolution,
      target: 'es2022',
      lib: ['es2022', 'esnext.disposable'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      types: [],
    },
    files: [file],
  };
  const name = `tsconfig.${module}.${file}.json`;
  project.write(name, JSON.stringify(config));
  const checked = await project.node(join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', name);
  expect(checked).toMatchObject({ code: 0, stdout: '' });
});

test('in CommonJS, too, the types are those of the ES module', async () => {
  project.write('made.mts', "export { type Pool } from 'offhand';\n");
  project.write(
    'mixed.cts',
    `import { type PoolError, startPool } from 'offhand';
import type { Pool } from './made.mjs' with { 'resolution-mode': 'import' };
export const pool: Promise<Pool> = startPool();
export const code = (error: PoolError) => error.code;\n`,
  );
  const options = ['--module', 'node16', '--target', 'es2022', '--strict', '--noEmit'];
  const checked = await project.node(join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, 'mixed.cts');
  expect(checked).toMatchObject({ code: 0, stdout: '' });
});

test('the grapher says in one sentence what it needs, and works with it', async () => {
  mkdirSync(project.path('profiling'));
  const header = 'time_s,worker,busy,busy_fraction,completed,failed,cpu_percent,rss_bytes';
  const rows = ['0.100,worker-1,0,0.0000,0,0,1.0,1000', '0.200,worker-1,1,0.5000,3,0,1.0,1000'];
  project.write('profiling/results_1.csv', `${[header, ...rows].join('\n')}\n`);

  const without = await project.offhand('grapher', 'results_1.csv');
  expect(without).toMatchObject({ code: 1, stdout: '' });
  expect(without.stderr.trim().split('\n')).toHaveLength(1);
  expect(without.stderr).toContain(`npm install ${CANVAS}`);

  expect(await project.npm('install', CANVAS, ...INSTALL)).toMatchObject({ code: 0 });
  expect(await project.offhand('grapher', 'results_1.csv')).toMatchObject({ code: 0, stderr: '' });
  for (const name of ['busy.pdf', 'throughput.pdf']) {
    expect(readFileSync(project.path('plots', name)).subarray(0, 5).toString()).toBe('%PDF-');
  }
}, 120_000);
