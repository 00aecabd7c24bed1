import type { TaskId } from '../core/ids.js';
import type { SettledState, TaskGroup, TaskState } from '../core/queue/task.js';
import type { RetryCause } from '../core/retry.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import type { Failure } from '../wire/outcome.js';
import type { Course } from './course.js';
import type { LogLine } from './task-log.js';
import type { Payload } from '../wire/values/payload.js';

/**
 * The durable record of submitted tasks, and of the attempts at them. Instants are in ms since 1970, and are given by the
 * caller.
 *
 * Nothing here assumes that one process owns the queue: whoever wants to run a task claims it first, for a time. A claim
 * counts up the task's attempt, and whatever is said about a task afterwards names that number: what a stale attempt says is
 * refused. A claim that is not renewed in time is anybody's again.
 *
 * Whatever changes something resolves when the change is kept: in a durable store, when it is on disk.
 */
export interface TaskStore {
  /** Whether tasks outlive the process. */
  readonly isDurable: boolean;
  /**
   * Takes tasks on, all of them or none. One whose id, or whose key, is there already stays as it was.
   *
   * @param functions those that may not be known yet; each is kept while a task needs it.
   * @throws PoolError `code-unknown`, `not-found` for a task that is to come after one that is not there, `result-dropped`
   * for one that takes a result that is kept no longer, `queue-full` when there is no room
   */
  add(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): Promise<AddedTask[]>;
  /** All tasks that have no outcome, oldest first, in portions. To be read once, at the start. */
  unsettled(): AsyncIterable<UnsettledTask[]>;
  /** Claims tasks that are pending, or whose claim has run out. Undefined for those that are somebody else's, or settled. */
  claim(ids: readonly TaskId[], by: Claim, now: number): Promise<(ClaimedTask | undefined)[]>;
  /** Claims that go on. */
  renew(attempts: readonly AttemptKey[], by: Claim): Promise<void>;
  /** The attempt has not begun, or is to be made again: the task is pending. */
  release(attempts: readonly AttemptKey[]): Promise<void>;
  /** Gives tasks their outcomes. False for one that has its outcome, or whose attempt is not the current one. */
  settle(settlements: readonly Settlement[]): Promise<boolean[]>;
  /** How tasks stand; undefined for those that are not there. */
  find(ids: readonly TaskId[]): Promise<(TaskRecord | undefined)[]>;
  /** Undefined for a task that has none, or is not there. */
  outcomes(ids: readonly TaskId[]): Promise<(TaskOutcome | 'dropped' | undefined)[]>;
  /** What the attempt printed that has settled a task; nothing for one without an outcome, or not there. */
  logs(id: TaskId): Promise<readonly LogLine[]>;
  /** How a task's function is written, as far as people are shown it; empty where nobody has said, or its outcome was dropped. */
  source(id: TaskId): Promise<string>;
  /** Newest first. */
  list(query: ListQuery): Promise<TaskPage>;
  /** Settled tasks whose outcomes are kept, in the order in which they settled. */
  settled(query: SettledQuery): Promise<TaskPage>;
  /**
   * Lets tasks that have failed, or were cancelled, run again: at once, and without a deadline, which counted from their submission.
   * Undefined for any other.
   */
  retry(ids: readonly TaskId[]): Promise<(UnsettledTask | undefined)[]>;
  /** Settled tasks whose outcome is kept and need not be, oldest outcome first, at most 1000. */
  expendable(rule: RetentionRule): Promise<TaskId[]>;
  /** Forgets the outcomes of settled tasks, and what it takes to run them. That they were there is kept for a while. */
  drop(ids: readonly TaskId[]): Promise<void>;
  close(): Promise<void>;
}

/** A task as it was submitted. */
export interface TaskSpec {
  readonly id: TaskId;
  readonly client: string;
  readonly name: string;
  readonly functionId: string;
  readonly args: Payload;
  /** Arguments that are the results of other tasks. */
  readonly results: readonly { readonly index: number; readonly id: TaskId }[];
  /** All tasks that it comes after, those whose results it takes included. */
  readonly after: readonly TaskId[];
  readonly priority: number;
  readonly notBefore: number;
  readonly submittedAt: number;
  /** Idempotency key. */
  readonly key: string | undefined;
  readonly group: TaskGroup | undefined;
  /** What its worker has to have. */
  readonly requires: readonly string[];
  /** How long it is expected to run, in ms. */
  readonly expectedMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly queueTimeoutMs: number | undefined;
  readonly deadlineAt: number | undefined;
  readonly retries: number | undefined;
  readonly retryOn: readonly RetryCause[] | undefined;
  /** What people are shown of its arguments. */
  readonly preview: string;
}

export interface AddedTask {
  /** Of the task that is there: with a key that was known, an older one. */
  id: TaskId;
  isNew: boolean;
  /** Of the tasks it comes after, those that have no outcome, and the first that has failed or was cancelled. */
  unsettled: readonly TaskId[];
  upstream: TaskId | undefined;
  /** Whether any coordinator may take it by now; left out where the store is one coordinator's. */
  isOffered?: boolean;
}

/** A task that has no outcome, without its arguments. */
export interface UnsettledTask {
  spec: Omit<TaskSpec, 'args'>;
  attempt: number;
  /** Whether an attempt was under way when its store was last closed: nobody knows whether it has begun. */
  wasClaimed: boolean;
  unsettled: readonly TaskId[];
  upstream: TaskId | undefined;
}

export interface Claim {
  /** One life of a coordinator. */
  holder: string;
  until: number;
}

export interface AttemptKey {
  id: TaskId;
  attempt: number;
}

export interface ClaimedTask {
  spec: TaskSpec;
  fn: ShippedFunction;
  attempt: number;
}

export type TaskOutcome =
  | { state: 'succeeded'; result: Payload; runMs: number }
  | { state: 'failed' | 'cancelled'; failure: Failure; runMs: number };

/** `attempt` as claimed; of a task that was not claimed, the number of attempts so far. */
export interface Settlement extends AttemptKey {
  outcome: TaskOutcome;
  at: number;
  /** How many times it was made again since it was claimed: its record goes on from the number of the last attempt. */
  retries?: number;
  /** When a worker had it last; left out where none has had it since it was claimed, and what its record says of it stays. */
  startedAt?: number | undefined;
  /** Of an attempt that was made: where its time went. */
  course?: Course | undefined;
  /** What it has printed; left out where that is nothing. */
  log?: readonly LogLine[] | undefined;
}

export interface TaskRecord {
  spec: Omit<TaskSpec, 'args'>;
  state: TaskState;
  /** As it was claimed last, and has told since; 0 of one that never was. */
  attempt: number;
  /** When a worker had it last, as far as that was told; an attempt that has no outcome tells it to its coordinator alone. */
  startedAt: number | undefined;
  settledAt: number | undefined;
  /** In words; what was thrown is in its outcome. */
  failure: Failure | undefined;
  runMs: number;
  /** Of the attempt that has settled it. */
  course: Course | undefined;
  isDropped: boolean;
}

export interface ListQuery {
  /** Any of these; all where empty. */
  states: readonly TaskState[];
  name: string | undefined;
  group: string | undefined;
  /** Who has submitted it. */
  client: string | undefined;
  /** Stands in its name, its id, the preview of its arguments or the message of its failure, whatever the case of a to z. */
  text: string | undefined;
  limit: number;
  cursor: string | undefined;
}

export interface SettledQuery {
  limit: number;
  /** Of an earlier page, for what settled after it. */
  cursor: string | undefined;
}

export interface TaskPage {
  tasks: TaskRecord[];
  /** Where the next page begins; undefined where there is no more. */
  cursor: string | undefined;
}

/** Outcomes of these states are expendable when they are older than `before`, or when there are more than `most` of them. */
export interface RetentionRule {
  states: readonly SettledState[];
  before: number;
  most: number;
}
