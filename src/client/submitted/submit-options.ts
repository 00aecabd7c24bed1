import { PoolError } from '../../core/errors.js';
import { checkDelay, MAX_GROUP_LIMIT, MAX_NAME } from '../../core/wishes.js';
import { type CallOptions, checkCallOptions, checkKeys, checkNumber, refuse } from '../options.js';
import { TaskHandle } from './task-handle.js';

/** How one task is submitted; what a call has too is as for a call. */
export interface SubmitOptions extends Pick<
  CallOptions,
  'timeoutMs' | 'queueTimeoutMs' | 'deadlineMs' | 'retries' | 'retryOn' | 'priority' | 'name' | 'expectedMs'
> {
  /** Tags that the worker has to have: `'gpu'`, or `'mem=8g'` for at least as much. It waits for one that has. @default none */
  requires?: readonly string[];
  /** It does not begin before so many ms have passed. */
  delayMs?: number;
  /** It does not begin before this instant, by the clock of this machine. */
  startAt?: Date;
  /**
   * Idempotency key: while the queue keeps a task with this key, submitting with it again gives that task, and what is
   * submitted counts for nothing.
   */
  key?: string;
  /** Of all tasks of a group at most `limit` run at a time. The newest word about a group's limit counts. */
  group?: { name: string; limit: number };
  /** It begins when all of these have succeeded. When one of them fails or is cancelled, it ends in the same way, unrun. */
  after?: readonly TaskHandle<unknown>[];
}

const OWN_KEYS = ['delayMs', 'startAt', 'key', 'group', 'after'] as const;
const CALL_KEYS = [
  'timeoutMs',
  'queueTimeoutMs',
  'deadlineMs',
  'retries',
  'retryOn',
  'priority',
  'name',
  'expectedMs',
  'requires',
] as const;

/** Options that calls alone have, and what to do in their place. */
const OF_CALLS = {
  isolate: '; use pool.run, or leave it out',
  cancelGraceMs: '; use pool.run, or leave it out',
  onProgress: '; iterate its handle',
  logs: '; iterate its handle, or ask it for its logs()',
};

/** What was decided about a submission. */
export type CheckedSubmitOptions = Omit<SubmitOptions, 'startAt'>;

/**
 * @param defaults those of the pool.
 * @throws PoolError `invalid-argument`, naming the option, what was expected and what arrived.
 */
export function checkSubmitOptions(options: SubmitOptions, defaults: CallOptions): CheckedSubmitOptions {
  checkKeys('pool.submit', options, [...CALL_KEYS, ...OWN_KEYS]);
  if (defaults.signal)
    throw new PoolError(
      'invalid-argument',
      'signal: a submitted task outlives whoever submitted it; cancel it by its handle',
    );
  for (const [name, instead] of Object.entries(OF_CALLS))
    if (defaults[name as keyof CallOptions] !== undefined)
      throw new PoolError('invalid-argument', `${name}: a submitted task does not have it${instead}`);
  const { delayMs, startAt, key, group, after, ...call } = options;
  const calls: CheckedSubmitOptions = {};
  const given: CallOptions = { ...defaults, ...checkCallOptions(call) };
  for (const name of CALL_KEYS) if (given[name] !== undefined) Object.assign(calls, { [name]: given[name] });
  if (startAt !== undefined && !(startAt instanceof Date && Number.isFinite(startAt.getTime())))
    refuse('startAt', 'a valid Date', startAt);
  if (delayMs !== undefined && typeof delayMs !== 'number') refuse('delayMs', 'a number of ms', delayMs);
  checkDelay(delayMs, 'delayMs');
  checkDelay(startAt && Math.max(0, startAt.getTime() - Date.now()), 'startAt');
  if (startAt !== undefined && delayMs !== undefined)
    throw new PoolError('invalid-argument', 'delayMs, startAt: expected one of them, got both');
  if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > MAX_NAME))
    refuse('key', `a string of 1 to ${MAX_NAME} characters`, key);
  if (group !== undefined) checkGroup(group);
  if (after !== undefined) checkAfter(after);
  return {
    ...calls,
    ...(startAt
      ? { delayMs: Math.max(0, startAt.getTime() - Date.now()) }
      : delayMs !== undefined && { delayMs }),
    ...(key !== undefined && { key }),
    ...(group !== undefined && { group }),
    ...(after !== undefined && { after }),
  };
}

function checkAfter(after: unknown): void {
  if (!Array.isArray(after)) refuse('after', 'an array of handles of tasks', after);
  after.forEach((one: unknown, index) => {
    if (!(one instanceof TaskHandle))
      refuse(`after[${index}]`, 'the handle of a task; `pool.task(id)` gives that of an id', one);
  });
}

function checkGroup(group: unknown): void {
  checkKeys('group', group, ['name', 'limit']);
  const { name, limit } = group as { name: unknown; limit: unknown };
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME)
    refuse('group.name', `a string of 1 to ${MAX_NAME} characters`, name);
  checkNumber('group.limit', limit, { least: 1, most: MAX_GROUP_LIMIT, whole: true, isNeeded: true });
}
