import { PoolError } from '../../core/errors.js';
import { formatSize, parseSizeBytes } from '../../core/size.js';

const MIB = 1024 * 1024;

/** What no setting exceeds: values are one message, and one buffer, on either side. */
export const MOST_VALUE_BYTES = 1024 * MIB;

let known: number | undefined;

/**
 * Largest value that this process sends or takes, in bytes: OFFHAND_MAX_VALUE, or 256 MiB.
 *
 * @throws PoolError `invalid-argument` when that is set to something else than a size
 */
export function maxValueBytes(): number {
  return (known ??= limitFrom('OFFHAND_MAX_VALUE'));
}

function limitFrom(name: string): number {
  const given = process.env[name];
  if (!given) return 256 * MIB;
  const bytes = parseSizeBytes(given, name, MIB);
  if (bytes <= MOST_VALUE_BYTES) return bytes;
  throw new PoolError('invalid-argument', `${name}: expected at most 1gb, got ${given}`);
}

/** Largest source of a function, in bytes. */
export const MAX_SOURCE_BYTES = 16 * MIB;

/**
 * @param label how the error names what is to be sent.
 * @throws PoolError `too-large` above `mostBytes`
 */
export function checkSize(bytes: number, label: string, mostBytes = maxValueBytes()): void {
  if (bytes > mostBytes) throw tooLarge(label, formatSize(bytes), mostBytes);
}

/** @param size how large it is, in words. */
export function tooLarge(label: string, size: string, mostBytes = maxValueBytes()): PoolError {
  return new PoolError(
    'too-large',
    `${label}: ${size}, and at most ${formatSize(mostBytes)} can be sent; send the name of a file instead, or split the work`,
  );
}
