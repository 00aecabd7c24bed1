import { PoolError } from '../core/errors.js';

/**
 * Rejects with what a function threw, in more words than its message has: what kind of error it was, and where. What the pool
 * raises, and what is no error, has no more to tell.
 */
export function tellThrown(error: unknown): never {
  if (!(error instanceof Error) || error instanceof PoolError || !error.stack) throw error;
  throw new Error(error.stack, { cause: error });
}
