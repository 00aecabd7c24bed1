import { readFileSync } from 'node:fs';
import { messageOf, PoolError } from '../core/errors.js';

/**
 * Reads a certificate or key that a person named.
 *
 * @param name how the message names it.
 * @throws PoolError `invalid-argument` when the file cannot be read.
 */
export function readPemFile(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new PoolError('invalid-argument', `${name}: the file cannot be read (${messageOf(error)})`);
  }
}
