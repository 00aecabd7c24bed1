import { join } from 'node:path';
import { type Logger, multistream, pino, type StreamEntry } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { messageOf, PoolError } from '../core/errors.js';
import { makeFolder } from './folder.js';

export { type Logger } from 'pino';

export interface LogOptions {
  /** Name of the log file without its ending: `coordinator`, `worker-2`. */
  name: string;
  /** Folder for JSON lines; none are written where undefined. */
  dir: string | undefined;
  /** Lines for people, on stderr. */
  pretty: boolean;
}

/** @throws PoolError `permission-denied` when the folder cannot be written. */
export function createLogger({ name, dir, pretty }: LogOptions): Logger {
  const streams: StreamEntry[] = [];
  if (dir !== undefined) {
    const path = join(dir, `${name}.log`);
    try {
      makeFolder(dir);
      streams.push({ stream: pino.destination({ dest: path, sync: true, append: true }) });
    } catch (error) {
      throw new PoolError('permission-denied', `the log ${path} cannot be written: ${messageOf(error)}`);
    }
  }
  if (pretty) {
    const options = {
      destination: 2,
      ignore: 'pid,hostname,name',
      translateTime: 'SYS:HH:MM:ss',
      sync: true,
    };
    streams.push({ stream: PinoPretty(options) });
  }
  return pino({ name, base: { pid: process.pid }, enabled: streams.length > 0 }, multistream(streams));
}
