import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { PoolError } from '../core/errors.js';

/** Longer than any row, in bytes. */
const ROW_BYTES = 1_024;

/** What a profile holds at an instant. */
export interface ProfileSoFar {
  /** Of its file. */
  name: string;
  bytes: number;
  csv: Readable;
}

/**
 * The rows of a profile that is being written.
 *
 * @param bytes so much of the file are whole rows.
 * @param header for a file that has no row yet.
 * @param lastMs only the rows of this time, counted back from the last one.
 * @throws PoolError `not-found` when somebody has taken the file away
 */
export async function profileSoFar(
  path: string,
  bytes: number,
  header: string,
  lastMs?: number,
): Promise<ProfileSoFar> {
  const name = basename(path);
  if (bytes <= header.length) return { name, bytes: header.length, csv: Readable.from([header]) };
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new PoolError('not-found', `the profile ${path} is not there any more: it was moved, or removed`);
  });
  try {
    const first = header.length;
    const start = lastMs === undefined ? first : await firstRowOf(file, first, bytes, lastMs / 1_000);
    const csv = new PassThrough();
    csv.write(header);
    // Whichever of the two ends early takes the other along, and the file is closed.
    pipeline(file.createReadStream({ start, end: bytes - 1 }), csv, () => undefined);
    return { name, bytes: first + bytes - start, csv };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Where the first row stands that is no older than this, counted from the last one. Rows are in the order of time. */
async function firstRowOf(file: FileHandle, first: number, bytes: number, lastS: number): Promise<number> {
  const end = await textAt(file, Math.max(first, bytes - ROW_BYTES), bytes);
  const fromS = timeOf(end.slice(end.lastIndexOf('\n', end.length - 2) + 1)) - lastS;
  // What begins at `low` or later is all there is; of the rows that begin at `high` or later none is too old.
  let [low, high] = [first, bytes];
  while (high - low > ROW_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const text = await textAt(file, middle, bytes);
    const row = text.indexOf('\n') + 1;
    if (middle + row < bytes && timeOf(text.slice(row)) < fromS) low = middle + row;
    else high = middle;
  }
  const text = await textAt(file, low, Math.min(bytes, high + ROW_BYTES), high + ROW_BYTES - low);
  for (const row of text.split('\n')) {
    if (row === '' || timeOf(row) >= fromS) break;
    low += Buffer.byteLength(row) + 1;
  }
  return low;
}

async function textAt(file: FileHandle, at: number, bytes: number, most = ROW_BYTES): Promise<string> {
  const length = Math.min(most, bytes - at);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.toString('utf8', 0, bytesRead);
}

/** In seconds. */
function timeOf(row: string): number {
  return Number(row.split(',', 1)[0]);
}
