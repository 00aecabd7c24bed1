import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { openModule } from '../../client/modules/open-module.js';
import { remoteModule } from '../../client/modules/remote-module.js';
import { PoolError } from '../../core/errors.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Makes one exported function ready to be sent, with its module: `text.js#count`; without `#` the default export.
 *
 * @throws PoolError `invalid-argument` when the file, or the export, is not there; `not-shippable` when the file cannot be
 * bundled
 */
export async function loadExport(target: string): Promise<AnyFunction> {
  const [file = '', name = 'default'] = target.split('#');
  const path = resolve(file);
  if (!existsSync(path)) throw new PoolError('invalid-argument', `${file}: there is no such file`);
  const bundle = await openModule(path, {});
  const fn = (remoteModule(bundle) as Record<string, AnyFunction | undefined>)[name];
  if (fn) return fn;
  const names = bundle.exports?.join(', ') || 'nothing';
  throw new PoolError('invalid-argument', `${file} has no function ${name}; it exports ${names}`);
}
