import { PoolError } from '../core/errors.js';
import { type LogEntry, logTail } from '../host/log-tail.js';
import type { WorkerLink } from './worker-link.js';

/**
 * The newest lines of the log of a worker that this server has started; it is known by its name, so that of one that has died is
 * there too.
 *
 * @param dir undefined where no logs are written.
 * @param link of the worker of this name, where one is attached.
 * @throws PoolError `not-found`
 */
export async function workerLog(
  dir: string | undefined,
  name: string,
  link: Pick<WorkerLink, 'info'> | undefined,
): Promise<LogEntry[]> {
  if (link?.info.joined)
    throw new PoolError(
      'not-found',
      `${name} was started by \`offhand worker\` on ${link.info.host}, and its log is there: worker-${link.info.port}.log in the folder of --log-dir`,
    );
  const entries = dir === undefined ? undefined : await logTail(dir, name);
  if (entries) return entries;
  throw new PoolError(
    'not-found',
    dir === undefined
      ? `the log of ${name} is not kept: the server was started without a folder for logs (--log-dir)`
      : `there is no log of a worker called ${name}; GET /v1/workers tells which workers there are`,
  );
}
