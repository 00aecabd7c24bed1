import { isSettled } from '../core/queue/task.js';
import type { Explanation } from '../queue/explanation.js';
import type { TaskRecord } from '../queue/store.js';
import type { LogLine } from '../queue/task-log.js';
import type { LogEntry } from '../host/log-tail.js';
import type { Failure } from '../wire/outcome.js';

/** A task as JSON, with what is known of one alone: why it waits or where it runs, how far it is, its source, attempts that failed. */
export function explainedDocument({ record, standing, progress, course, source }: Explanation): object {
  const earlier = course?.earlier?.map(({ attempt, worker, at, failure }) => ({
    attempt,
    ...(worker && { worker }),
    failed_at: instant(at),
    failure: failureDocument(failure),
  }));
  return {
    ...taskDocument(record),
    ...(standing !== undefined && { standing }),
    ...(progress && { progress }),
    ...(source && { source }),
    ...(earlier && { earlier }),
  };
}

/** A task as JSON. */
export function taskDocument(record: TaskRecord): object {
  const { spec, state, attempt, startedAt, settledAt, failure, runMs, isDropped } = record;
  const isDelayed = state === 'pending' && spec.notBefore > 0;
  return {
    task_id: spec.id,
    name: spec.name,
    state,
    priority: spec.priority,
    client: spec.client,
    ...(spec.group && { group: spec.group.name }),
    ...(spec.key !== undefined && { key: spec.key }),
    attempt,
    submitted_at: instant(spec.submittedAt),
    ...(isDelayed && { begins_at: instant(spec.notBefore) }),
    ...(startedAt !== undefined && { started_at: instant(startedAt) }),
    ...(settledAt !== undefined && { settled_at: instant(settledAt) }),
    ...(!isSettled(state) && spec.after.length > 0 && { after: spec.after }),
    ...(failure && { failure: failureDocument(failure) }),
    ...(isDropped && { dropped: true }),
    preview: spec.preview,
    seconds: secondsOf(runMs),
    ...(spec.requires.length > 0 && { requires: spec.requires }),
  };
}

export function failureDocument({ code, message, name, stack, mayHaveRun }: Failure): object {
  return {
    code,
    message,
    ...(name !== undefined && { name }),
    ...(stack !== undefined && { stack }),
    may_have_run: mayHaveRun,
  };
}

/** What a task has printed, as `offhand logs --json` shows it. */
export function logLineDocument({ at, attempt, number, text, isError }: LogLine): object {
  return { at: instant(at), attempt, number, stream: isError ? 'stderr' : 'stdout', text };
}

/** A line of a worker's log. */
export function workerLogDocument({ at, ...line }: LogEntry): object {
  return { at: instant(at), ...line };
}

/** To the microsecond. */
export function secondsOf(ms: number): number {
  return Math.round(ms * 1_000) / 1_000_000;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
