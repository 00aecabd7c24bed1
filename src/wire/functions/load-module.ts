import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import { messageOf, PoolError } from '../../core/errors.js';
import { moduleFileName } from '../../core/stack.js';

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', '__moduleUrl'];

type Wrapper = (this: object, ...parts: unknown[]) => void;

/**
 * Runs a bundled module, and gives what it exports.
 *
 * @param base absolute path of a file, real or not: what was left outside the bundle is looked for from there.
 * @throws PoolError `not-shippable` when it throws
 */
export function loadModule(
  { id, name, remedy }: { id: string; name: string; remedy: string },
  code: string,
  base: string,
): object {
  const folder = dirname(base);
  const module: { exports: object } = { exports: {} };
  try {
    const run = compileFunction(code, PARAMETERS, {
      filename: join(folder, moduleFileName(id, basename(name))),
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }) as Wrapper;
    run.call(
      module.exports,
      module.exports,
      createRequire(base),
      module,
      base,
      folder,
      pathToFileURL(base).href,
    );
  } catch (error) {
    throw new PoolError(
      'not-shippable',
      `${name} threw when the worker loaded it: ${whyNot(error, folder, remedy)}`,
      {
        cause: error,
      },
    );
  }
  return module.exports;
}

function whyNot(error: unknown, folder: string, remedy: string): string {
  const why = messageOf(error).split('\n', 1)[0] ?? '';
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND')
    return `${why}; what is not bundled has to be installed on the worker's side, to be found from ${folder}`;
  return remedy ? `${why}; ${remedy}` : why;
}
