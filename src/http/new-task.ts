import { taskId } from '../core/ids.js';
import { argumentsPreview, sourcePreview } from '../core/preview.js';
import type { RetryCause } from '../core/retry.js';
import { commonOfTask, specOf, type TaskWish } from '../queue/spec.js';
import type { TaskSpec } from '../queue/store.js';
import { idOf } from '../wire/functions/function-id.js';
import type { Part } from '../wire/functions/parts.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import { newTaskId } from '../wire/task-id.js';
import type { Payload } from '../wire/values/payload.js';

/** How a task is submitted, as its schema lets it through. */
export interface TaskOptions {
  name?: string;
  priority?: number;
  delay_ms?: number;
  timeout_ms?: number;
  queue_timeout_ms?: number;
  deadline_ms?: number;
  retries?: number;
  retry_on?: RetryCause[];
  group?: { name: string; limit: number };
  after?: string[];
  requires?: string[];
  expected_ms?: number;
}

export interface NewCall {
  source: string;
  parts: readonly Part[];
  args: Payload;
  /** What people are shown: of its function where that is not all of its source, and of its arguments. */
  preview: { source?: string | undefined; arguments: string };
  /** What it is called where its options do not say. */
  name?: string | undefined;
  options: TaskOptions;
}

/** Who submits it, and by what key it is known where it has one. */
export interface Submitter {
  client: string;
  key: string | undefined;
}

/** A task as the queue takes it on. */
export function newTask(
  { source, parts, args, preview, name, options }: NewCall,
  { client, key }: Submitter,
  now: number,
): { spec: TaskSpec; fn: ShippedFunction } {
  const fn = { id: idOf(source), source, name: '', parts, preview: sourcePreview(preview.source ?? source) };
  const wish: TaskWish = {
    name: options.name ?? name ?? nameIn(source),
    functionId: fn.id,
    after: (options.after ?? []).map(taskId),
    priority: options.priority,
    delayMs: options.delay_ms,
    key,
    group: options.group,
    requires: options.requires,
    expectedMs: options.expected_ms,
    timeoutMs: options.timeout_ms,
    queueTimeoutMs: options.queue_timeout_ms,
    deadlineMs: options.deadline_ms,
    retries: options.retries,
    retryOn: options.retry_on,
  };
  const own = { id: newTaskId(now), args, preview: argumentsPreview(preview.arguments) };
  const spec = specOf(commonOfTask(wish, client, now), own);
  return { spec, fn };
}

/** The name of a function that has one. */
function nameIn(source: string): string {
  return (
    /^(?:async\s+)?function\s*\*?\s*([\p{ID_Start}$_][\p{ID_Continue}$]{0,255})/u.exec(source)?.[1] ??
    'anonymous'
  );
}
