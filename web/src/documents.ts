// The documents of docs/http.md, as far as the page shows them.

export interface RunningTask {
  task_id: string;
  name: string;
  running_ms: number;
}

export interface Worker {
  worker: string;
  host: string;
  port: number;
  pid: number;
  phase: string;
  slots: number;
  busy: boolean;
  tasks: RunningTask[];
  completed: number;
  failed: number;
  tags: string[];
  version: string;
  cpu_ms: number;
  uptime_ms: number;
  rss_bytes: number;
  deaths: number;
}

export interface Status {
  workers: Worker[];
  queue: { pending: number };
  wanted: number;
  policy: string;
}

export const POLICIES = ['first-free', 'least-remaining', 'round-robin'] as const;

/** What somebody who has come in may do. */
export type Access = 'read' | 'full';

export interface WorkerLogLine {
  at: string;
  level: string;
  pid: number;
  message: string;
  fields: Record<string, unknown>;
}

export type TaskState = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export const TASK_STATES: readonly TaskState[] = ['pending', 'running', 'succeeded', 'failed', 'cancelled'];

export interface Failure {
  code: string;
  message: string;
  name?: string;
  stack?: string;
}

export interface Task {
  task_id: string;
  name: string;
  state: TaskState;
  priority: number;
  client: string;
  group?: string;
  attempt: number;
  submitted_at: string;
  started_at?: string;
  settled_at?: string;
  failure?: Failure;
  /** Attempts that failed and were made again. */
  earlier?: { attempt: number; worker?: string; failed_at: string; failure: Failure }[];
  dropped?: boolean;
  /** Why it waits, or where it runs. */
  standing?: string;
  /** What it has told last. */
  progress?: { fraction: number; note?: string };
  /** How its function is written, and its arguments, as far as its client lets people see. */
  source?: string;
  preview?: string;
  seconds: number;
}

export interface Outcome {
  state: TaskState;
  result?: unknown;
  failure?: Failure;
}

export interface LogLine {
  at: string;
  attempt: number;
  number: number;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** What a slot ran, or runs. */
export interface Attempt {
  worker: string;
  slot: number;
  task_id: string;
  name: string;
  /** Since 1970, by the server's clock. */
  started_ms: number;
  state: 'running' | 'completed' | 'failed';
  /** Left out while it runs. */
  run_ms?: number;
}

export interface AttemptsEvent {
  at_ms: number;
  attempts: Attempt[];
  skipped: number;
}
