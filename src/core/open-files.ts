import { PoolError } from './errors.js';

/** What a worker has open by itself, its connections included, and some room for tasks: in all, and for each slot. */
const LEAST = 64;
const LEAST_PER_SLOT = 16;

/**
 * How many files, sockets and pipes the process of a worker may have open at a time; as many as the system allows where undefined.
 *
 * @param name how error messages call the option.
 * @throws PoolError `invalid-argument`, also for a limit that no worker could live with
 */
export function openFilesLimit(given: unknown, slots: number, name: string): number | undefined {
  const words = String(given);
  if (given === undefined) return undefined;
  const least = LEAST + slots * LEAST_PER_SLOT;
  const number = Number(words);
  const isKind = typeof given === 'string' || typeof given === 'number';
  if (isKind && /^\d+$/.test(words) && Number.isSafeInteger(number) && number >= least) return number;
  const each = slots === 1 ? '' : `, with ${slots} slots`;
  throw new PoolError(
    'invalid-argument',
    `${name}: expected a whole number, at least ${least}${each}, got ${words}`,
  );
}
