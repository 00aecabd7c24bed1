import { PoolError } from '../core/errors.js';
import { RETRY_CAUSES, type RetryCause } from '../core/retry.js';
import { MAX_NAME } from '../core/wishes.js';
import { idOf } from '../wire/functions/function-id.js';
import { isPartKind } from '../wire/functions/parts.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import type { AlikeTasks__Output } from '../wire/generated/offhand/v1/AlikeTasks.js';
import type { NewTask__Output } from '../wire/generated/offhand/v1/NewTask.js';
import type { Part__Output } from '../wire/generated/offhand/v1/Part.js';
import type { QueuedFunction__Output } from '../wire/generated/offhand/v1/QueuedFunction.js';
import type { SubmitRequest__Output } from '../wire/generated/offhand/v1/SubmitRequest.js';
import type { SubmitResponse } from '../wire/generated/offhand/v1/SubmitResponse.js';
import { newTaskId } from '../wire/task-id.js';
import { checkSize, MAX_SOURCE_BYTES } from '../wire/values/size-limit.js';
import { payloadFrom } from '../wire/values/payload.js';
import { idFrom } from './messages.js';
import { commonOfTask, type CommonOfTasks, type OwnOfTask, specOf, type TaskWish } from './spec.js';
import type { AddedTask, TaskSpec } from './store.js';

/** What people may read of a task, in characters. */
const MAX_PREVIEW = 8 * 1024;

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

/** The tasks of a request, in their order. @throws PoolError `invalid-argument`, naming the field */
export function specsFrom(
  { tasks, alike }: Pick<SubmitRequest__Output, 'tasks' | 'alike'>,
  client: string,
  now: number,
): TaskSpec[] {
  const specs = tasks.map((task) => {
    const own: OwnOfTask = {
      id: task.taskId ? idFrom(task.taskId, 'task_id') : newTaskId(now),
      args: payloadFrom(task.arguments, 'arguments'),
      preview: task.preview.slice(0, MAX_PREVIEW),
    };
    return checkedSpec(commonFrom(task, client, now), own);
  });
  for (const group of alike) specs.push(...alikeFrom(group, client, now));
  return specs;
}

/** @throws PoolError `invalid-argument` */
function checkedSpec(common: CommonOfTasks, own: OwnOfTask): TaskSpec {
  if (common.after.includes(own.id))
    throw new PoolError('invalid-argument', `after: task ${own.id} cannot come after itself`);
  return specOf(common, own);
}

function alikeFrom(group: AlikeTasks__Output, client: string, now: number): TaskSpec[] {
  const { common: task, taskIds, lengths, previews } = group;
  if (!task) throw new PoolError('invalid-argument', 'alike.common: expected what the tasks have in common');
  if (task.key) throw new PoolError('invalid-argument', 'alike.common.key: it is of one task');
  const { encoding, data } = payloadFrom(group.arguments, 'alike.arguments');
  const bytes = lengths.reduce((sum, length) => sum + length, 0);
  if (lengths.length !== taskIds.length || bytes !== data.length)
    throw new PoolError(
      'invalid-argument',
      `alike.lengths: expected one for each of ${taskIds.length} tasks, ${data.length} bytes together`,
    );
  const common = commonFrom(task, client, now);
  let end = 0;
  return taskIds.map((id, index) => {
    const start = end;
    end += lengths[index] ?? 0;
    return checkedSpec(common, {
      id: idFrom(id, 'alike.task_ids'),
      args: { encoding, data: data.subarray(start, end) },
      preview: (previews[index] ?? '').slice(0, MAX_PREVIEW),
    });
  });
}

function commonFrom(task: NewTask__Output, client: string, now: number): CommonOfTasks {
  if (!/^[0-9a-f]{64}$/.test(task.functionId))
    throw new PoolError('invalid-argument', 'function_id: expected the SHA-256 of a source, in hex');
  const { name, functionId, priority, delayMs, key, group, groupLimit, requires, expectedMs, retry } = task;
  const wish: TaskWish = {
    name: (name || 'anonymous').slice(0, MAX_NAME),
    functionId,
    results: task.results.map(({ index, taskId }) => ({ index, id: idFrom(taskId, 'results.task_id') })),
    after: task.after.map((id) => idFrom(id, 'after')),
    priority,
    delayMs,
    key: key || undefined,
    group: group ? { name: group, limit: groupLimit } : undefined,
    requires,
    expectedMs,
    timeoutMs: task.limits?.timeoutMs,
    // What is left out is 0 in the message.
    queueTimeoutMs: task.queueTimeoutMs || undefined,
    deadlineMs: task.deadlineMs || undefined,
    retries: retry?.retries,
    retryOn: retry?.retryOn.map(causeFrom),
  };
  return commonOfTask(wish, client, now);
}

/** Of a request: what became of it. */
export function submitAnswer(
  { tasks, number }: Pick<SubmitRequest__Output, 'tasks' | 'number'>,
  added: readonly AddedTask[],
): SubmitResponse {
  return {
    number,
    tasks: added.slice(0, tasks.length).map(({ id, isNew }) => ({ taskId: id, known: !isNew })),
    alike: added.length - tasks.length,
  };
}

function causeFrom(text: string): RetryCause {
  const cause = RETRY_CAUSES.find((one) => one === text);
  if (cause) return cause;
  throw new PoolError('invalid-argument', `retry.retry_on: expected ${RETRY_CAUSES.join(', ')}, got ${text}`);
}
