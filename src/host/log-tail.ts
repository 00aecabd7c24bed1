import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** So much of a log is read from its end, in bytes. */
const TAIL_BYTES = 64 * 1024;

/** As pino numbers them. */
const LEVELS = new Map([
  [10, 'trace'],
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
]);

/** One line of a log file. */
export interface LogEntry {
  /** In ms since 1970. */
  at: number;
  /** `info`, `warn`, … */
  level: string;
  /** Of the process that has written it. */
  pid: number;
  message: string;
  /** What else stands in it. */
  fields: Record<string, unknown>;
}

/**
 * The newest lines of a process's log, oldest first: those that stand in the last 64 KiB.
 *
 * @param name of the log, as of `createLogger`.
 * @returns undefined where there is no such log.
 */
export async function logTail(dir: string, name: string): Promise<LogEntry[] | undefined> {
  const path = join(dir, `${name}.log`);
  const text = await tailOf(path, TAIL_BYTES);
  if (text === undefined) return undefined;
  // A file that was begun a moment ago goes on where the one before it ends.
  const before = text.length < TAIL_BYTES ? await tailOf(`${path}.1`, TAIL_BYTES - text.length) : '';
  return `${before ?? ''}${text}`.split('\n').flatMap((line) => entryFrom(line) ?? []);
}

async function tailOf(path: string, bytes: number): Promise<string | undefined> {
  let file;
  try {
    file = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Undefined for what is no line of ours: the rest of one whose beginning is too far back, say. */
export function entryFrom(line: string): LogEntry | undefined {
  let written: unknown;
  try {
    written = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof written !== 'object' || written === null) return undefined;
  const { level, time, pid, msg, name: _, ...fields } = written as Record<string, unknown>;
  if (typeof time !== 'number') return undefined;
  return {
    at: time,
    level: LEVELS.get(Number(level)) ?? String(level),
    pid: Number(pid),
    message: typeof msg === 'string' ? msg : '',
    fields,
  };
}
