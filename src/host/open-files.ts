import { spawnSync } from 'node:child_process';
import { PoolError } from '../core/errors.js';

/** Node cannot set limits of the system, a shell can, also for the program that it becomes. */
const SHELL = '/bin/sh';

/**
 * How a program is started that may have so many files open, and what it starts as well: by a shell, which becomes the program and keeps
 * the process id.
 *
 * @param words the program, and its first arguments.
 */
export function withOpenFiles(
  limit: number | undefined,
  program: string,
  words: readonly string[],
): { execPath: string; execArgv: string[] } {
  if (limit === undefined) return { execPath: program, execArgv: [...words] };
  return {
    execPath: SHELL,
    execArgv: ['-c', 'ulimit -n "$0" && exec "$@"', String(limit), program, ...words],
  };
}

/** @throws PoolError `invalid-argument` where the system does not allow that many, or knows no such limit. */
export function checkOpenFiles(limit: number | undefined, name: string): void {
  if (limit === undefined) return;
  if (process.platform === 'win32')
    throw new PoolError('invalid-argument', `${name}: Windows has no such limit; leave it out`);
  if (spawnSync(SHELL, ['-c', 'ulimit -n "$0"', String(limit)]).status === 0) return;
  const most = spawnSync(SHELL, ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim();
  throw new PoolError(
    'invalid-argument',
    `${name}: expected at most the ${most} that this process may have (ulimit -Hn), got ${limit}`,
  );
}
