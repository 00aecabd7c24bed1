import type { TaskId } from '../ids.js';

/** Where a submitted task is. The last three are for ever, unless somebody asks for another try. */
export const TASK_STATES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];
export type SettledState = Exclude<TaskState, 'pending' | 'running'>;

export function isSettled(state: TaskState): state is SettledState {
  return state !== 'pending' && state !== 'running';
}

/** At most `limit` tasks of a group run at a time. */
export interface TaskGroup {
  readonly name: string;
  readonly limit: number;
}

/** What decisions about a submitted task depend on, and how people know it. Instants are in ms of one clock that outlives processes. */
export interface TaskFacts {
  readonly id: TaskId;
  /** By which people know it; others may have the same. */
  readonly name: string;
  /** Who has submitted it. */
  readonly client: string;
  /** Whole number, higher first. */
  readonly priority: number;
  /** What it asks of its worker, as one word; empty for nothing. Tasks with the same word can run on the same workers. */
  readonly needs: string;
  /** Its function, by which is known how long tasks take. */
  readonly functionId: string;
  /** When it may begin. */
  readonly notBefore: number;
  readonly group: TaskGroup | undefined;
  /** Unsettled tasks it comes after. */
  readonly after: readonly TaskId[];
  /** Tasks whose results are among its arguments. */
  readonly uses: readonly TaskId[];
  /** How long it may wait from when it could begin, in ms. */
  readonly queueTimeoutMs: number | undefined;
  /** Whether it must not run a second time. */
  readonly runsOnce: boolean;
  /** When it has to have ended. */
  readonly deadlineAt: number | undefined;
}

/** The outcome of a task that has none of its own. `upstream` hands down that of a task it comes after. */
export type Verdict =
  | { kind: 'cancelled' }
  | { kind: 'queue-timeout'; limitMs: number }
  | { kind: 'deadline-exceeded' }
  /** It may have run when its coordinator ended, and must not run twice. */
  | { kind: 'cut-short' }
  | { kind: 'upstream'; id: TaskId };
