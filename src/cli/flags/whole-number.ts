import { PoolError } from '../../core/errors.js';

/** @throws PoolError `invalid-argument`, naming what the number is of. */
export function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new PoolError(
    'invalid-argument',
    `${name}: expected a whole number from ${least} to ${most}, got ${text}`,
  );
}
