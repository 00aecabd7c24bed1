import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { userInfo } from 'node:os';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { offhand, ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

const TEXT = readFileSync(new URL('../../docs/files.md', import.meta.url), 'utf8');

/** The first column of every table: the files that the document names. */
const NAMED = [...TEXT.matchAll(/^\| `([^`]+)` \|/gm)].map(([, file = '']) => file);

const NUMBER = '[0-9]+';
const PLACEHOLDERS: Record<string, string> = {
  '<port>': NUMBER,
  '<n>': NUMBER,
  '<pid>': NUMBER,
  '<slot>': NUMBER,
  '<workers>': NUMBER,
  '<hash>': '[0-9a-f]+',
  '<letters>': '[A-Za-z0-9]+',
  '<name>': '.+',
};

class EmptyPlace extends Sandbox {
  /** Every file in it, named as the document does. */
  files(): string[] {
    return readdirSync(this.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(this.dir, join(entry.parentPath, entry.name)))
      .map((file) =>
        file
          .replace(/^cwd\//, '')
          .replace(/^tmp\//, '$TMPDIR/')
          .replace(/^config\//, '$XDG_CONFIG_HOME/')
          .replace(/^run\//, '$XDG_RUNTIME_DIR/'),
      )
      .sort();
  }
}

function patternOf(name: string): RegExp {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const parts = name.split(/(<[a-z]+>)/).map((part) => PLACEHOLDERS[part] ?? literal(part));
  return new RegExp(`^${parts.join('')}$`);
}

function unnamed(files: string[]): string[] {
  const patterns = NAMED.map(patternOf);
  return files.filter((file) => !patterns.some((pattern) => pattern.test(file)));
}

test('every file that a server, its commands and the grapher write is named in docs/files.md', async () => {
  await using place = new EmptyPlace();
  const server = await startServer(place, ['2']);
  const [first, runtimeFolder] = [place.files(), '$XDG_RUNTIME_DIR/offhand/'];
  expect(first).toContain(`${runtimeFolder}${server.port}.json`);
  expect(first.filter((file) => file.startsWith(`${runtimeFolder}profile-`))).toHaveLength(1);
  expect(unnamed(first)).toEqual([]);

  const module = join(place.dir, 'home', 'square.ts');
  writeFileSync(module, 'export const square = (n: number): number => n * n;\n');
  const called = await offhand(place, ['run', `${module}#square`, '7']);
  expect(called).toMatchObject({ code: 0, stdout: '49\n' });
  const writer = join(place.dir, 'home', 'write.js');
  writeFileSync(
    writer,
    "export const write = async () => (await import('node:fs')).writeFileSync('made', '');\n",
  );
  expect((await offhand(place, ['run', `${writer}#write`])).code).toBe(0);
  const written = place.files().filter((file) => file.endsWith('/made'));
  expect([written.length, unnamed(written)]).toEqual([1, []]);
  expect((await offhand(place, ['stop'])).code).toBe(0);
  await server.ended;
  expect((await offhand(place, ['grapher', 'results_2.csv'])).code).toBe(0);

  const files = place.files().filter((file) => !file.startsWith('home/'));
  expect(files).toEqual([
    '$XDG_CONFIG_HOME/offhand/signing-key',
    '$XDG_CONFIG_HOME/offhand/token',
    'logs/coordinator.log',
    'logs/worker-1.log',
    'logs/worker-2.log',
    'plots/busy.pdf',
    'plots/throughput.pdf',
    'profiling/results_2.csv',
  ]);
  expect(unnamed(files)).toEqual([]);
});

test('without XDG_RUNTIME_DIR the pool file is in a folder of the user among the temporary files', async () => {
  await using place = new EmptyPlace();
  const server = await startServer(place, ['1', '--no-profile'], { XDG_RUNTIME_DIR: '' });
  expect(place.files()).toContain(`$TMPDIR/offhand-${userInfo().uid}/${server.port}.json`);
  expect(TEXT).toContain('`offhand-<uid>`');
  await server.stop();
  expect(place.files().filter((file) => file.startsWith('$TMPDIR/'))).toEqual([]);
});

test('a pool of startPool writes no file', async () => {
  await using place = new EmptyPlace();
  const library = pathToFileURL(join(ROOT, 'dist', 'index.js')).href;
  const script = `import { startPool } from ${JSON.stringify(library)};
    const pool = await startPool({ workers: 1 });
    console.log(await pool.run((n) => n * n, 7));
    await pool.close();`;
  const ended = await run(place, process.execPath, ['--input-type=module', '--eval', script]);
  expect(ended).toMatchObject({ code: 0, stdout: '49\n' });
  expect(place.files()).toEqual([]);
});
