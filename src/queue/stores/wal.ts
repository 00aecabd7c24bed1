import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';

const HEADER = 32;
const FRAME_HEADER = 24;

/** The engine's log of changes, as far as it says so itself. */
export interface ChangeLog {
  /** In which frames a change ends, from 1. */
  ends: number[];
  /** How many frames are whole, from the first one: the engine reads no further. */
  whole: number;
}

/**
 * Reads the log without the engine, which on opening it would go on from its last whole frame, and at its end remove the rest.
 * The form of the log and its checksums: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
export function readLog(path: string): ChangeLog {
  const log: ChangeLog = { ends: [], whole: 0 };
  if (!existsSync(path)) return log;
  const { size } = statSync(path);
  const file = openSync(path, 'r');
  try {
    const header = read(file, 0, HEADER);
    if (!header) return log;
    const isBigEndian = (header.readUInt32BE(0) & 1) === 1;
    const frameBytes = FRAME_HEADER + header.readUInt32BE(8);
    const salts = header.subarray(16, 24);
    let sum: Sum = checksum(header.subarray(0, 24), isBigEndian, [0, 0]);
    let isWhole = isSum(header, 24, sum);
    for (let frame = 1, at = HEADER; at + frameBytes <= size; frame++, at += frameBytes) {
      const bytes = read(file, at, frameBytes);
      // What is left of an earlier round of the log has other salts.
      if (!bytes?.subarray(8, 16).equals(salts)) {
        isWhole = false;
        continue;
      }
      if (bytes.readUInt32BE(4) > 0) log.ends.push(frame);
      if (!isWhole) continue;
      sum = checksum(bytes.subarray(0, 8), isBigEndian, sum);
      sum = checksum(bytes.subarray(FRAME_HEADER), isBigEndian, sum);
      isWhole = isSum(bytes, 16, sum);
      if (isWhole) log.whole = frame;
    }
    return log;
  } finally {
    closeSync(file);
  }
}

/**
 * Whether something has damaged the log. Every change is on disk before the next begins: one that ends behind the last whole
 * frame was being written when the power went, but two were not.
 */
export function isBroken({ ends, whole }: ChangeLog): boolean {
  return ends.filter((frame) => frame > whole).length >= 2;
}

type Sum = [number, number];

function checksum(bytes: Buffer, isBigEndian: boolean, [first, second]: Sum): Sum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += 8) {
    first = (first + view.getUint32(at, !isBigEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, !isBigEndian) + first) >>> 0;
  }
  return [first, second];
}

function isSum(bytes: Buffer, at: number, [first, second]: Sum): boolean {
  return bytes.readUInt32BE(at) === first && bytes.readUInt32BE(at + 4) === second;
}

function read(file: number, position: number, length: number): Buffer | undefined {
  const buffer = Buffer.alloc(length);
  return readSync(file, buffer, 0, length, position) === length ? buffer : undefined;
}
