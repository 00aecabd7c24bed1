import { readFileSync } from 'node:fs';
import { messageOf, PoolError } from '../../core/errors.js';
import { replaceFile } from '../../host/replace-file.js';
import type { NamedFunction } from '../../wire/functions/named.js';

/** Of the form of the file. */
const VERSION = 1;

const HASH = /^[0-9a-f]{64}$/;
const PART = /^(DATA|MODULE) [0-9a-f]{64}$/;

/** What `--code` and `--functions` mean: undefined where any function may run. @throws PoolError `invalid-argument` */
export function functionsThatMayRun({
  code,
  functions: file,
}: {
  code: 'any' | 'named';
  functions: string | undefined;
}): readonly NamedFunction[] | undefined {
  if (code === 'any') {
    if (file === undefined) return undefined;
    throw new PoolError(
      'invalid-argument',
      `--functions ${file}: any function runs unless --code named says otherwise; give both, or neither`,
    );
  }
  if (file === undefined)
    throw new PoolError(
      'invalid-argument',
      '--code named: expected --functions FILE, which `offhand allow FILE#EXPORT` writes',
    );
  const list = readFunctions(file);
  if (list === undefined)
    throw new PoolError(
      'invalid-argument',
      `--functions ${file}: there is no such file; \`offhand allow FILE#EXPORT --functions ${file}\` writes it`,
    );
  if (list.length > 0) return list;
  throw new PoolError(
    'invalid-argument',
    `--functions ${file}: it has no function, so nothing could run; offhand allow FILE#EXPORT --functions ${file}`,
  );
}

/** Undefined where there is no such file. @throws PoolError `invalid-argument` for one that is not what `offhand allow` writes */
export function readFunctions(file: string): NamedFunction[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PoolError('invalid-argument', `--functions ${file}: it cannot be read (${messageOf(error)})`);
  }
  let given: { offhand?: unknown; functions?: unknown } | null;
  try {
    given = JSON.parse(text) as typeof given;
  } catch (error) {
    throw damaged(file, messageOf(error));
  }
  if (typeof given !== 'object' || given === null || !Array.isArray(given.functions))
    throw damaged(file, 'it has no array "functions"');
  if (given.offhand !== VERSION)
    throw damaged(file, `"offhand" is ${JSON.stringify(given.offhand)}, and this version reads ${VERSION}`);
  const list = given.functions.map((fn: unknown, index) => functionFrom(fn, file, index));
  const names = list.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return list;
  throw damaged(file, `two functions have the name ${twice}`);
}

/** Whole or not at all. @throws PoolError `permission-denied` */
export function writeFunctions(file: string, functions: readonly NamedFunction[]): void {
  const text = `${JSON.stringify({ offhand: VERSION, functions }, null, 2)}\n`;
  try {
    replaceFile(file, text);
  } catch (error) {
    throw new PoolError(
      'permission-denied',
      `--functions ${file}: it cannot be written (${messageOf(error)})`,
    );
  }
}

function functionFrom(given: unknown, file: string, index: number): NamedFunction {
  const { name, from, id, parts } = (given ?? {}) as Partial<Record<keyof NamedFunction, unknown>>;
  const where = `functions[${index}]`;
  if (typeof name !== 'string' || name === '') throw damaged(file, `${where}.name: expected a name`);
  if (typeof from !== 'string') throw damaged(file, `${where}.from: expected where it is from`);
  if (typeof id !== 'string' || !HASH.test(id)) throw damaged(file, `${where}.id: expected a SHA-256 in hex`);
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string' && PART.test(part)))
    throw damaged(file, `${where}.parts: expected the likes of "MODULE <SHA-256 in hex>"`);
  return { name, from, id, parts: parts as string[] };
}

function damaged(file: string, why: string): PoolError {
  return new PoolError(
    'invalid-argument',
    `--functions ${file}: it is not what \`offhand allow\` writes (${why}); mend it, or write it anew`,
  );
}
