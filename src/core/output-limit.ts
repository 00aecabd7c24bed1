import { parseSizeBytes } from './size.js';

/** How much one attempt at a task may print, unless told otherwise: more than anybody reads, less than its log has room for twice. */
export const MAX_OUTPUT = '64mb';

/** Less, and there would be no room for what says that something is missing. */
const LEAST_BYTES = 1024;

/**
 * @param given a size as people write them: see {@link parseSizeBytes}. Left out: 64 MiB.
 * @param name how the error message names it.
 * @throws PoolError `invalid-argument`
 */
export function outputLimit(given: unknown, name: string): number {
  return parseSizeBytes(given ?? MAX_OUTPUT, name, LEAST_BYTES);
}
