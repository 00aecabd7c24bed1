import { join } from 'node:path';
import type { StreamEntry } from 'pino';
import { messageOf, PoolError } from '../core/errors.js';
import type { LogLevel } from '../core/log-level.js';
import { makeFolder } from './folder.js';
import { rotate } from './log-file.js';

type Log = (fields: object | string, message?: string) => void;

/** Where a process of a pool says what it does: fields, and one sentence. */
export interface Logger {
  debug: Log;
  info: Log;
  warn: Log;
  error: Log;
}

const nothing = (): void => undefined;
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export interface LogOptions {
  /** Name of the log file without its ending: `coordinator`, `worker-2`. */
  name: string;
  /** Folder for JSON lines; none are written where undefined. */
  dir: string | undefined;
  /** Lines for people, on stderr. */
  pretty: boolean;
  /** What is less important than this is not said. */
  level: LogLevel;
}

/**
 * Pino, which is loaded only where somebody listens: it takes a tenth of the time that a pool takes to start.
 *
 * @throws PoolError `permission-denied` when the folder cannot be written.
 */
export async function createLogger({ name, dir, pretty, level }: LogOptions): Promise<Logger> {
  if (dir === undefined && !pretty) return SILENT;
  const { multistream, pino } = await import('pino');
  const streams: StreamEntry[] = [];
  if (dir !== undefined) {
    const path = join(dir, `${name}.log`);
    try {
      makeFolder(dir);
      const stream = pino.destination({ dest: path, sync: true, append: true });
      rotate(stream, path);
      streams.push({ stream, level });
    } catch (error) {
      throw new PoolError('permission-denied', `the log ${path} cannot be written: ${messageOf(error)}`);
    }
  }
  if (pretty) {
    const { PinoPretty } = await import('pino-pretty');
    const options = {
      destination: 2,
      ignore: 'pid,hostname,name',
      translateTime: 'SYS:HH:MM:ss',
      singleLine: true,
      sync: true,
    };
    streams.push({ stream: PinoPretty(options), level });
  }
  const logger: Logger = pino({ name, level, base: { pid: process.pid } }, multistream(streams));
  return logger;
}
