import { PoolError } from './errors.js';

/** Of what Node's permission model refuses, what tasks may do all the same. Paths are absolute; one of a folder ends in `/*`. */
export type Permission = 'child-process' | 'addons' | 'wasi' | { write: string };

const WHAT = 'fs-write=FOLDER, child-process, addons or wasi';

/**
 * @param resolve makes a path absolute.
 * @throws PoolError `invalid-argument`, naming the flag.
 */
export function permissionFrom(given: string, flag: string, resolve: (path: string) => string): Permission {
  if (given === 'child-process' || given === 'addons' || given === 'wasi') return given;
  const folder = /^fs-write=([^*,]+)$/.exec(given)?.[1];
  if (folder !== undefined) return { write: below(resolve(folder)) };
  throw new PoolError('invalid-argument', `${flag}: expected ${WHAT}, got ${given}`);
}

/**
 * The flags that have Node refuse the rest. Reading is free: a worker loads what tasks import. So are threads, in which tasks
 * run; Node warns of that each time.
 *
 * @param version of Node: the model was an experiment before 22.13.
 */
export function permissionFlags(permissions: readonly Permission[], version: string): string[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isExperiment = major < 22 || (major === 22 && minor < 13);
  const allowed = permissions.flatMap((permission) => {
    if (typeof permission === 'string') return [`--allow-${permission}`];
    return [`--allow-fs-write=${permission.write}`];
  });
  const model = isExperiment ? '--experimental-permission' : '--permission';
  return [model, '--allow-fs-read=*', '--allow-worker', '--disable-warning=SecurityWarning', ...allowed];
}

/** All that is in a folder. */
export function below(folder: string): string {
  return `${folder.replace(/\/$/, '')}/*`;
}
