import { instantAfter } from '../core/duration.js';
import { randomUUID } from 'node:crypto';
import { isErrorCode, PoolError } from '../core/errors.js';
import { TASK_ID, type TaskId, taskId } from '../core/ids.js';
import { tagSet } from '../core/tags.js';
import { checkPriority } from '../core/wishes.js';
import { isSettled, TASK_STATES, type TaskState } from '../core/queue/task.js';
import { RETRY_CAUSES, type RetryCause } from '../core/retry.js';
import { idOf } from '../wire/functions/function-id.js';
import { isPartKind } from '../wire/functions/parts.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import type { Failure__Output } from '../wire/generated/offhand/v1/Failure.js';
import type { ListRequest__Output } from '../wire/generated/offhand/v1/ListRequest.js';
import type { LogLine as LogLineMessage } from '../wire/generated/offhand/v1/LogLine.js';
import type { NewTask__Output } from '../wire/generated/offhand/v1/NewTask.js';
import type { Part__Output } from '../wire/generated/offhand/v1/Part.js';
import type { QueuedFunction__Output } from '../wire/generated/offhand/v1/QueuedFunction.js';
import type { TaskInfo } from '../wire/generated/offhand/v1/TaskInfo.js';
import type { TaskOutcome as TaskOutcomeMessage } from '../wire/generated/offhand/v1/TaskOutcome.js';
import { bytesOf, type Failure, failureToMessage } from '../wire/outcome.js';
import { checkSize, MAX_SOURCE_BYTES } from '../wire/values/size-limit.js';
import { payloadFrom } from '../wire/values/payload.js';
import type { LogLine } from './task-log.js';
import type { ListQuery, TaskOutcome, TaskRecord, TaskSpec } from './store.js';

/** What people may read of a task, in characters. */
const MAX_PREVIEW = 8 * 1024;
const MAX_NAME = 256;

/** Tasks of one page. */
const MAX_PAGE = 1_000;
const PAGE = 100;

/** A function as it was submitted. @throws PoolError `invalid-argument`, `too-large` */
export function functionFrom({ source, parts, preview }: QueuedFunction__Output): ShippedFunction {
  if (!source) throw new PoolError('invalid-argument', 'functions.source: expected source, got none');
  checkSize(source.length, 'functions.source', MAX_SOURCE_BYTES);
  return {
    id: idOf(source),
    source,
    name: '',
    parts: parts.map(partFrom),
    preview: preview.slice(0, MAX_PREVIEW),
  };
}

function partFrom({ kind, data, name, remedy }: Part__Output): ShippedFunction['parts'][number] {
  if (!isPartKind(kind) || !data)
    throw new PoolError('invalid-argument', 'functions.parts: expected kind DATA, MODULE or SETUP, and data');
  return { kind, id: idOf(data), name, data, remedy };
}

/** A task as it was submitted. @throws PoolError `invalid-argument`, naming the field */
export function specFrom(task: NewTask__Output, client: string, now: number): TaskSpec {
  const id = task.taskId ? idFrom(task.taskId, 'task_id') : taskId(randomUUID().replaceAll('-', ''));
  const results = task.results.map(({ index, taskId: from }) => ({
    index,
    id: idFrom(from, 'results.task_id'),
  }));
  const after = new Set([
    ...results.map((result) => result.id),
    ...task.after.map((one) => idFrom(one, 'after')),
  ]);
  if (after.has(id)) throw new PoolError('invalid-argument', `after: task ${id} cannot come after itself`);
  checkPriority(task.priority, 'priority');
  if (!/^[0-9a-f]{64}$/.test(task.functionId))
    throw new PoolError('invalid-argument', 'function_id: expected the SHA-256 of a source, in hex');
  if (task.group && !(task.groupLimit >= 1))
    throw new PoolError('invalid-argument', 'group_limit: expected at least 1');
  const deadlineMs = duration(task.deadlineMs, 'deadline_ms');
  return {
    id,
    client,
    name: (task.name || 'anonymous').slice(0, MAX_NAME),
    functionId: task.functionId,
    args: payloadFrom(task.arguments, 'arguments'),
    results,
    after: [...after],
    priority: task.priority,
    notBefore: task.delayMs > 0 ? instantAfter(now, task.delayMs) : 0,
    submittedAt: now,
    key: task.key || undefined,
    group: task.group ? { name: task.group, limit: task.groupLimit } : undefined,
    requires: tagSet(task.requires, 'requires').tags,
    expectedMs: task.expectedMs === undefined ? undefined : expected(task.expectedMs),
    timeoutMs: task.limits?.timeoutMs,
    queueTimeoutMs: duration(task.queueTimeoutMs, 'queue_timeout_ms'),
    deadlineAt: deadlineMs === undefined ? undefined : now + deadlineMs,
    retries: task.retry?.retries,
    retryOn: task.retry && task.retry.retryOn.length > 0 ? task.retry.retryOn.map(causeFrom) : undefined,
    preview: task.preview.slice(0, MAX_PREVIEW),
  };
}

/** @throws PoolError `invalid-argument` */
export function idFrom(text: string, field: string): TaskId {
  if (TASK_ID.test(text)) return taskId(text);
  throw new PoolError(
    'invalid-argument',
    `${field}: expected the id of a task, 16 to 64 letters and digits, got ${JSON.stringify(text.slice(0, 80))}`,
  );
}

function duration(ms: number, field: string): number | undefined {
  if (ms === 0) return undefined;
  if (ms > 0) return ms;
  throw new PoolError('invalid-argument', `${field}: expected a duration above 0, got ${ms}`);
}

function expected(ms: number): number {
  if (ms > 0) return ms;
  throw new PoolError('invalid-argument', `expected_ms: expected a duration above 0, got ${ms}`);
}

function causeFrom(text: string): RetryCause {
  const cause = RETRY_CAUSES.find((one) => one === text);
  if (cause) return cause;
  throw new PoolError('invalid-argument', `retry.retry_on: expected ${RETRY_CAUSES.join(', ')}, got ${text}`);
}

/** @throws PoolError `invalid-argument` */
export function queryFrom({ states, name, group, limit, cursor }: ListRequest__Output): ListQuery {
  if (cursor && !/^\d{1,16}$/.test(cursor))
    throw new PoolError('invalid-argument', 'cursor: expected that of an earlier page');
  if (limit > MAX_PAGE)
    throw new PoolError('invalid-argument', `limit: expected at most ${MAX_PAGE}, got ${limit}`);
  return {
    states: states.map(stateFrom),
    name: name || undefined,
    group: group || undefined,
    client: undefined,
    text: undefined,
    limit: limit || PAGE,
    cursor: cursor || undefined,
  };
}

function stateFrom(text: string): TaskState {
  const state = TASK_STATES.find((one) => one === text);
  if (state) return state;
  throw new PoolError('invalid-argument', `states: expected ${TASK_STATES.join(', ')}, got ${text}`);
}

export function infoOf(record: TaskRecord, now: number): TaskInfo {
  const { spec, state, attempt, startedAt, settledAt, failure, runMs, isDropped } = record;
  return {
    taskId: spec.id,
    name: spec.name,
    state,
    priority: spec.priority,
    client: spec.client,
    group: spec.group?.name ?? '',
    key: spec.key ?? '',
    attempt,
    submittedAgoMs: now - spec.submittedAt,
    ...(startedAt !== undefined && { startedAgoMs: now - startedAt }),
    ...(settledAt !== undefined && { settledAgoMs: now - settledAt }),
    delayMs: state === 'pending' ? Math.max(0, spec.notBefore - now) : 0,
    after: isSettled(state) ? [] : [...spec.after],
    ...(failure && { failure: failureToMessage(inWords(failure)) }),
    dropped: isDropped,
    preview: spec.preview,
    runMs,
    requires: [...spec.requires],
  };
}

/** Without what was thrown, which may be large. */
function inWords(failure: Failure): Failure {
  const words = { ...failure };
  delete words.error;
  return words;
}

export function outcomeMessage(outcome: TaskOutcome): TaskOutcomeMessage {
  const { state, runMs } = outcome;
  if (outcome.state === 'succeeded') return { state, runMs, result: bytesOf(outcome.result) };
  return { state, runMs, failure: failureToMessage(outcome.failure) };
}

export function lineMessage({ attempt, number, at, text, isError }: LogLine, now: number): LogLineMessage {
  return { attempt, number, agoMs: now - at, printed: { text, isError } };
}

/** A failure as it came from a worker; what was thrown stays encoded. */
export function failureFrom({ code, message, name, stack, mayHaveRun, error }: Failure__Output): Failure {
  return {
    code: code === 'thrown' || isErrorCode(code) ? code : 'internal',
    message,
    ...(name && { name }),
    ...(stack && { stack }),
    mayHaveRun,
    ...(error && { error: payloadFrom(error, 'failure.error') }),
  };
}
