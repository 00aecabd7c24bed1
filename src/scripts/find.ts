import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { extname, isAbsolute, relative, resolve } from 'node:path';
import { glob } from 'tinyglobby';
import { PoolError } from '../core/errors.js';
import { parseHeader } from './header.js';
import type { Script, Start } from './script.js';

export interface FindOptions {
  /** Which files, as patterns. @default all */
  patterns?: readonly string[] | undefined;
  /** Whether folders within it are searched too. */
  recursive: boolean;
  /** A folder that is not searched: where the results are. */
  except: string;
}

/** How much of a file is looked at for its header. */
const TOP_BYTES = 8 * 1024;

const BY_ENDING: Record<string, Start> = {
  '.js': { kind: 'node' },
  '.mjs': { kind: 'node' },
  '.cjs': { kind: 'node' },
  '.ts': { kind: 'typescript' },
  '.py': { kind: 'program', program: 'python3', words: [] },
  '.sh': { kind: 'program', program: 'sh', words: [] },
};

/**
 * The scripts of a folder, by name: what has one of the known endings, and what is executable and says in its first line
 * what runs it. A name that begins with `_` or `.` is not a script but something for scripts to use.
 *
 * @throws PoolError `invalid-argument` when there is no such folder, no script in it, or a header is wrong
 */
export async function findScripts(dir: string, options: FindOptions): Promise<Script[]> {
  const root = resolve(dir);
  const info = await stat(root).catch(() => undefined);
  if (!info?.isDirectory()) {
    const why = info
      ? 'is a file; expected the folder it is in, and --glob for it alone'
      : 'there is no such folder';
    throw new PoolError('invalid-argument', `${dir}: ${why}`);
  }
  const { patterns = ['**/*'], recursive, except } = options;
  const names = await glob([...patterns], {
    cwd: root,
    onlyFiles: true,
    followSymbolicLinks: false,
    ignore: ['**/node_modules/**', '**/_*', '**/_*/**'],
    deep: recursive ? Infinity : 0,
    expandDirectories: false,
  });
  const wanted = names.filter((name) => !isWithin(resolve(root, name), except)).sort();
  const scripts: Script[] = [];
  for (const name of wanted) {
    const script = await recognise(name, resolve(root, name));
    if (script) scripts.push(script);
  }
  if (scripts.length > 0) return scripts;
  const which = options.patterns ? ` that match ${patterns.join(', ')}` : '';
  const deeper = recursive ? '' : '; --recursive looks in its folders too';
  throw new PoolError(
    'invalid-argument',
    `${dir}: no scripts${which} (.js .mjs .cjs .ts .py .sh, or executable with a first line #!…)${deeper}`,
  );
}

function isWithin(file: string, folder: string): boolean {
  const path = relative(folder, file);
  return path === '' || (!path.startsWith('..') && !isAbsolute(path));
}

async function recognise(name: string, file: string): Promise<Script | undefined> {
  if (/\.d\.[cm]?ts$/.test(name)) return undefined;
  const byEnding = BY_ENDING[extname(name)];
  if (!byEnding && !(await isExecutable(file))) return undefined;
  const bytes = await readFile(file).catch((error: Error) => {
    throw new PoolError('permission-denied', `${name} cannot be read: ${error.message}`);
  });
  const top = bytes.subarray(0, TOP_BYTES).toString();
  const start = startOf(byEnding, top);
  if (!start) return undefined;
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { name, file, hash, start, header: parseHeader(name, top) };
}

/** JavaScript runs in the Node.js of the workers, whatever its first line says; the first line decides for the rest. */
function startOf(byEnding: Start | undefined, top: string): Start | undefined {
  if (byEnding && byEnding.kind !== 'program') return byEnding;
  const [, program, word] = /^#!\s*(\S+)(?:[ \t]+(.*\S))?\s*$/m.exec(top.split('\n', 1)[0] ?? '') ?? [];
  if (program === undefined) return byEnding;
  // As the kernel does it: what follows the program is one word.
  return { kind: 'program', program, words: word === undefined ? [] : [word] };
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
