import type { StatusDocument__Output } from './generated/offhand/v1/StatusDocument.js';
import type { WorkerState__Output } from './generated/offhand/v1/WorkerState.js';
import type { TaskState__Output } from './generated/offhand/v1/TaskState.js';

/** A task as `status --json` shows it. */
export interface TaskStatus {
  task_id: string;
  name: string;
  running_ms: number;
  /** Null when nobody knows how long the task will take. */
  remaining_ms: number | null;
}

export interface WorkerStatus {
  worker: string;
  host: string;
  port: number;
  pid: number;
  phase: string;
  slots: number;
  /** True when no slot is free. */
  busy: boolean;
  tasks: TaskStatus[];
  completed: number;
  failed: number;
  /** What tasks may ask for. */
  tags: string[];
  /** Of offhand. */
  version: string;
  /** CPU time of the process so far, all threads together; 0 where the worker did not answer in time, as the next two. */
  cpu_ms: number;
  /** How long the process has lived. */
  uptime_ms: number;
  rss_bytes: number;
  /** How often the pool has lost a worker of this name. */
  deaths: number;
}

/** What GetStatus, GetState and `status --json` tell. */
export interface PoolStatus {
  workers: WorkerStatus[];
  queue: { pending: number; tasks: TaskStatus[] };
  /** How many workers there are to be; some may be starting, or be lost. 0 where a worker speaks for itself. */
  wanted: number;
  /** URL of the HTTP service; null where there is none. */
  http_address: string | null;
  /** How workers are chosen; empty where a worker speaks for itself. */
  policy: string;
  /** What may run: `any` function, or `named` ones only; empty where a worker speaks for itself. */
  code: string;
}

export function poolStatusFrom(document: StatusDocument__Output): PoolStatus {
  return {
    workers: document.workers.map(workerStatusFrom),
    queue: {
      pending: document.queue?.pending ?? 0,
      tasks: (document.queue?.tasks ?? []).map(taskStatusFrom),
    },
    wanted: document.wanted,
    http_address: document.httpAddress || null,
    policy: document.policy,
    code: document.code,
  };
}

function workerStatusFrom({ cpuMs, uptimeMs, rssBytes, ...worker }: WorkerState__Output): WorkerStatus {
  const { tasks, deaths, ...rest } = worker;
  const usage = { cpu_ms: cpuMs, uptime_ms: uptimeMs, rss_bytes: rssBytes };
  return { ...rest, tasks: tasks.map(taskStatusFrom), ...usage, deaths };
}

function taskStatusFrom(task: TaskState__Output): TaskStatus {
  return {
    task_id: task.taskId,
    name: task.name,
    running_ms: task.runningMs,
    remaining_ms: task.remainingMs ?? null,
  };
}
