import { PoolError } from '../../core/errors.js';

/** An argument of a function, as typed. @throws PoolError `invalid-argument` for what is not JSON */
export function parseArgument(text: string, index: number): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new PoolError(
      'invalid-argument',
      `argument ${index + 1}: expected JSON, got ${text}; a string needs quotes of its own: '"${text}"'`,
    );
  }
}
