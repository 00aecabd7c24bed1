import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, PoolError } from '../core/errors.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Loads one exported function: `text.js#count`; without `#` the default export.
 *
 * @throws PoolError `invalid-argument` when the file, or the function in it, is not there or does not load.
 */
export async function loadExport(target: string): Promise<AnyFunction> {
  const [file = '', name = 'default'] = target.split('#');
  const path = resolve(file);
  if (!existsSync(path)) throw new PoolError('invalid-argument', `${file}: there is no such file`);
  let exports: Record<string, unknown>;
  try {
    exports = extname(path) === '.ts' ? await loadTypeScript(path) : await load(path);
  } catch (error) {
    throw new PoolError('invalid-argument', `${file} cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const fn = exports[name];
  if (typeof fn === 'function') return fn as AnyFunction;
  const names = Object.keys(exports).filter((key) => typeof exports[key] === 'function');
  const choice = names.length > 0 ? `it exports the functions ${names.join(', ')}` : 'it exports no function';
  throw new PoolError('invalid-argument', `${file} has no function ${name}; ${choice}`);
}

async function load(path: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
}

/** Node 20 reads no TypeScript: esbuild makes one JavaScript file of it and what it imports. */
async function loadTypeScript(path: string): Promise<Record<string, unknown>> {
  const { build } = await import('esbuild');
  const folder = await mkdtemp(join(tmpdir(), 'offhand-run-'));
  try {
    const outfile = join(folder, 'module.mjs');
    await build({
      entryPoints: [path],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'silent',
    });
    return await load(outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
