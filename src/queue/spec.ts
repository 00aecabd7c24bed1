import { PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { TaskGroup } from '../core/queue/task.js';
import type { RetryCause } from '../core/retry.js';
import { tagSet } from '../core/tags.js';
import { checkDelay, checkPriority, MAX_GROUP_LIMIT, MAX_NAME, MAX_RETRIES } from '../core/wishes.js';
import type { TaskSpec } from './store.js';

/** How a task is to be run, by whatever way it was submitted. Durations in ms. */
export interface TaskWish {
  readonly name: string;
  readonly functionId: string;
  readonly results?: TaskSpec['results'];
  readonly after?: readonly TaskId[];
  readonly priority?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly key?: string | undefined;
  readonly group?: TaskGroup | undefined;
  readonly requires?: readonly string[] | undefined;
  readonly expectedMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly queueTimeoutMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
  readonly retries?: number | undefined;
  readonly retryOn?: readonly RetryCause[] | undefined;
}

/** What one task alone has, where others are submitted with it. */
export type OwnOfTask = Pick<TaskSpec, 'id' | 'args' | 'preview'>;
export type CommonOfTasks = Omit<TaskSpec, keyof OwnOfTask>;

/**
 * What becomes of a wish in the queue.
 *
 * @param now ms since 1970.
 * @throws PoolError `invalid-argument`, naming the field as it is called in the protocol and over HTTP
 */
export function commonOfTask(wish: TaskWish, client: string, now: number): CommonOfTasks {
  const { results = [], after = [], priority = 0, delayMs = 0, key, group, retries, retryOn } = wish;
  const { name, functionId, requires, expectedMs, timeoutMs, queueTimeoutMs, deadlineMs } = wish;
  checkPriority(priority, 'priority');
  checkLength(name, 'name');
  checkLength(key, 'key');
  checkLength(group?.name, 'group');
  checkWhole(group?.limit, 'group_limit', 1, MAX_GROUP_LIMIT);
  checkWhole(retries, 'retries', 0, MAX_RETRIES);
  checkDelay(delayMs, 'delay_ms');
  checkDuration(expectedMs, 'expected_ms');
  checkDuration(timeoutMs, 'timeout_ms');
  checkDuration(queueTimeoutMs, 'queue_timeout_ms');
  checkDuration(deadlineMs, 'deadline_ms');
  return {
    client,
    name,
    functionId,
    results,
    after: [...new Set([...results.map(({ id }) => id), ...after])],
    priority,
    notBefore: delayMs > 0 ? now + delayMs : 0,
    submittedAt: now,
    key,
    group,
    requires: tagSet(requires, 'requires').tags,
    expectedMs,
    timeoutMs,
    queueTimeoutMs,
    deadlineAt: deadlineMs === undefined ? undefined : now + deadlineMs,
    retries,
    retryOn: retryOn && retryOn.length > 0 ? retryOn : undefined,
  };
}

function checkLength(text: string | undefined, field: string): void {
  if (text === undefined || (text.length > 0 && text.length <= MAX_NAME)) return;
  throw new PoolError(
    'invalid-argument',
    `${field}: expected 1 to ${MAX_NAME} characters, got ${text.length}`,
  );
}

function checkWhole(value: number | undefined, field: string, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  const range = `from ${least} to ${most.toLocaleString('en')}`;
  throw new PoolError('invalid-argument', `${field}: expected a whole number ${range}, got ${value}`);
}

function checkDuration(ms: number | undefined, field: string): void {
  if (ms === undefined || ms > 0) return;
  throw new PoolError('invalid-argument', `${field}: expected a duration above 0, got ${ms}`);
}

/** Field by field: there may be a million of them, and one that is copied by spreading takes ten times the memory. */
export function specOf(common: CommonOfTasks, { id, args, preview }: OwnOfTask): TaskSpec {
  return {
    id,
    client: common.client,
    name: common.name,
    functionId: common.functionId,
    args,
    results: common.results,
    after: common.after,
    priority: common.priority,
    notBefore: common.notBefore,
    submittedAt: common.submittedAt,
    key: common.key,
    group: common.group,
    requires: common.requires,
    expectedMs: common.expectedMs,
    timeoutMs: common.timeoutMs,
    queueTimeoutMs: common.queueTimeoutMs,
    deadlineAt: common.deadlineAt,
    retries: common.retries,
    retryOn: common.retryOn,
    preview,
  };
}
