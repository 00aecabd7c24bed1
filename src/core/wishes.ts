import { PoolError } from './errors.js';
import { given } from './given.js';

/** Priorities are whole numbers from -MAX_PRIORITY to MAX_PRIORITY; higher ones go first. */
export const MAX_PRIORITY = 100;

/** Of the attempts after the first. */
export const MAX_RETRIES = 1_000;

/** Of a task, its key or its group, in characters. */
export const MAX_NAME = 256;

/** So many tasks of a group may run at a time at most. */
export const MAX_GROUP_LIMIT = 1_000_000;

/** So far ahead a task may be put off, in ms: a hundred years. What is more was meant otherwise. */
export const MAX_DELAY_MS = 36_525 * 86_400_000;

/** How long a task waits before it may begin, in ms. @throws PoolError `invalid-argument` */
export function checkDelay(delayMs: number | undefined, name: string): void {
  if (delayMs === undefined || (delayMs >= 0 && delayMs <= MAX_DELAY_MS)) return;
  throw new PoolError(
    'invalid-argument',
    `${name}: expected a number of ms from 0 to ${MAX_DELAY_MS.toLocaleString('en')}, a hundred years, got ${delayMs}`,
  );
}

/** @throws PoolError `invalid-argument` */
export function checkPriority(priority: unknown, name: string): void {
  if (Number.isInteger(priority) && Math.abs(priority as number) <= MAX_PRIORITY) return;
  throw new PoolError(
    'invalid-argument',
    `${name}: expected a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}, got ${given(priority)}`,
  );
}

/** How long a task is expected to take, in ms. @throws PoolError `invalid-argument` */
export function checkExpected(expectedMs: number | undefined, name: string): void {
  if (expectedMs === undefined || (expectedMs > 0 && Number.isFinite(expectedMs))) return;
  throw new PoolError('invalid-argument', `${name}: expected a number of ms above 0, got ${expectedMs}`);
}
