import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';

const HEADER = 32;
const FRAME_HEADER = 24;

/**
 * In which frames of the engine's log a change ends, from 1, as far as the log says so itself. Every change is on disk
 * before the next begins. The engine reads up to the first frame that is not whole and takes that for the change that was
 * being written when the power went; when two more changes end behind it, it was none, and something has damaged the log.
 */
export function changesInLog(path: string): number[] {
  if (!existsSync(path)) return [];
  const { size } = statSync(path);
  const file = openSync(path, 'r');
  try {
    const header = read(file, 0, HEADER);
    if (!header) return [];
    const frameBytes = FRAME_HEADER + header.readUInt32BE(8);
    const salts = header.subarray(16, 24);
    const ends: number[] = [];
    for (let frame = 1, at = HEADER; at + frameBytes <= size; frame++, at += frameBytes) {
      const frameHeader = read(file, at, FRAME_HEADER);
      // What is left of an earlier round of the log has other salts.
      if (frameHeader?.subarray(8, 16).equals(salts) && frameHeader.readUInt32BE(4) > 0) ends.push(frame);
    }
    return ends;
  } finally {
    closeSync(file);
  }
}

function read(file: number, position: number, length: number): Buffer | undefined {
  const buffer = Buffer.alloc(length);
  return readSync(file, buffer, 0, length, position) === length ? buffer : undefined;
}
