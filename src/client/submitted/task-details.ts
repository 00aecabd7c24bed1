import type { TaskState } from '../../core/queue/task.js';
import type { TaskInfo__Output } from '../../wire/generated/offhand/v1/TaskInfo.js';

/** A submitted task, as the queue knows it. */
export interface TaskDetails {
  id: string;
  name: string;
  state: TaskState;
  priority: number;
  /** Who has submitted it. */
  client: string;
  group: string | undefined;
  key: string | undefined;
  /** Its newest attempt, from 1; 0 where no worker has had it so far. */
  attempt: number;
  /** Instants by the clock of the coordinator that noted them. */
  submittedAt: Date;
  /** When a worker had it last. Undefined, too, of one that another coordinator of the cluster runs; `explain()` asks that one. */
  startedAt: Date | undefined;
  settledAt: Date | undefined;
  /** Of a pending one: how long until it may begin, in ms. */
  delayMs: number;
  /** Ids of the tasks that it comes after; empty once it is settled. */
  after: string[];
  /** Why it failed; `code` is `thrown` where its function threw. */
  failure: { code: string; message: string } | undefined;
  /** Whether its result was kept no longer. */
  isDropped: boolean;
  /** Its arguments, for people. */
  preview: string;
  /** How long its last attempt has run, in ms. */
  runMs: number;
  /** Tags that its worker has to have. */
  requires: string[];
}

export function taskDetailsFrom(task: TaskInfo__Output): TaskDetails {
  const { failure, startedAtMs, settledAtMs } = task;
  return {
    id: task.taskId,
    name: task.name,
    state: task.state as TaskState,
    priority: task.priority,
    client: task.client,
    group: task.group || undefined,
    key: task.key || undefined,
    attempt: task.attempt,
    submittedAt: new Date(task.submittedAtMs),
    startedAt: startedAtMs === undefined ? undefined : new Date(startedAtMs),
    settledAt: settledAtMs === undefined ? undefined : new Date(settledAtMs),
    delayMs: task.delayMs,
    after: task.after,
    failure: failure ? { code: failure.code, message: failure.message } : undefined,
    isDropped: task.dropped,
    preview: task.preview,
    runMs: task.runMs,
    requires: task.requires,
  };
}
