import { isErrorCode, PoolError } from '../core/errors.js';
import { TASK_ID, type TaskId, taskId } from '../core/ids.js';
import { showWritten } from '../core/stack.js';
import { isSettled, TASK_STATES, type TaskState } from '../core/queue/task.js';
import type { Failure__Output } from '../wire/generated/offhand/v1/Failure.js';
import type { ListRequest__Output } from '../wire/generated/offhand/v1/ListRequest.js';
import type { LogLine as LogLineMessage } from '../wire/generated/offhand/v1/LogLine.js';
import type { TaskInfo } from '../wire/generated/offhand/v1/TaskInfo.js';
import type { TaskOutcome as TaskOutcomeMessage } from '../wire/generated/offhand/v1/TaskOutcome.js';
import { bytesOf, type Failure, failureToMessage } from '../wire/outcome.js';
import { payloadFrom } from '../wire/values/payload.js';
import type { LogLine } from './task-log.js';
import type { ListQuery, TaskOutcome, TaskRecord } from './store.js';

/** Tasks of one page. */
const MAX_PAGE = 1_000;
const PAGE = 100;

/** @throws PoolError `invalid-argument` */
export function idFrom(text: string, field: string): TaskId {
  if (TASK_ID.test(text)) return taskId(text);
  throw new PoolError(
    'invalid-argument',
    `${field}: expected the id of a task, 16 to 64 letters and digits, got ${JSON.stringify(text.slice(0, 80))}`,
  );
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
    submittedAtMs: spec.submittedAt,
    ...(startedAt !== undefined && { startedAtMs: startedAt }),
    ...(settledAt !== undefined && { settledAtMs: settledAt }),
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

export function lineMessage({ attempt, number, at, text, isError }: LogLine): LogLineMessage {
  return { attempt, number, atMs: at, printed: { text, isError } };
}

/** A failure as it came from a worker, its stack without how that came to call the function; what was thrown stays encoded. */
export function failureFrom({ code, message, name, stack, mayHaveRun, error }: Failure__Output): Failure {
  return {
    code: code === 'thrown' || isErrorCode(code) ? code : 'internal',
    message,
    ...(name && { name }),
    ...(stack && { stack: showWritten(stack) }),
    mayHaveRun,
    ...(error && { error: payloadFrom(error, 'failure.error') }),
  };
}
