import { PoolError } from '../../core/errors.js';
import { formatSize } from '../../core/size.js';

/** Largest payload, in bytes. */
export const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024;

/** Largest source of a function, in bytes. */
export const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

/**
 * @param label how the error names what is to be sent.
 * @throws PoolError `too-large` above `mostBytes`
 */
export function checkSize(bytes: number, label: string, mostBytes = MAX_PAYLOAD_BYTES): void {
  if (bytes > mostBytes) throw tooLarge(label, formatSize(bytes), mostBytes);
}

/** @param size how large it is, in words. */
export function tooLarge(label: string, size: string, mostBytes = MAX_PAYLOAD_BYTES): PoolError {
  return new PoolError(
    'too-large',
    `${label}: ${size}, and at most ${formatSize(mostBytes)} can be sent; send the name of a file instead, or split the work`,
  );
}
