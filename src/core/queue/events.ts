import type { TaskId } from '../ids.js';
import type { SettledState, TaskFacts, Verdict } from './task.js';

/** What has happened. */
export type QueueEvent =
  | { type: 'submitted'; tasks: readonly SubmittedTask[] }
  /**
   * The dispatcher has room for tasks with these needs, for as long as it says so of the next one, given how many of the same or
   * a higher priority it has: what is urgent does not wait behind what was only claimed ahead.
   */
  | { type: 'room'; needs: string; hasRoom: (functionId: string, ahead: number) => boolean }
  /** Tasks came to this coordinator, claimed, from a store that it shares with others. */
  | { type: 'arrived'; tasks: readonly TakenTask[] }
  /** A claimed task was given to a worker. */
  | { type: 'began'; id: TaskId }
  /** A claimed task did not run, and may after a while. */
  | { type: 'released'; id: TaskId; delayMs: number }
  /** A task has its outcome, in the store. */
  | { type: 'settled'; id: TaskId; state: SettledState }
  | { type: 'cancel'; id: TaskId }
  | { type: 'time-passed' };

/** A task that is in the store, and has no outcome. */
export interface SubmittedTask {
  facts: TaskFacts;
  /** One that it comes after, and that has failed or was cancelled. */
  upstream?: TaskId | undefined;
  /** Whether an attempt at it went down with its coordinator: nobody knows whether it had begun. */
  wasCutShort?: boolean;
  /** Whether it is with all coordinators that share its store. */
  isOffered?: boolean;
  /** Whether another coordinator decides about it: it is here because others come after it. */
  isGuest?: boolean;
}

/** One that is to run here. */
export interface TakenTask {
  facts: TaskFacts;
  /** Since when anybody could take it. */
  offeredAt: number;
  /** Whether so many attempts at it went down with their coordinators that it must not run again. */
  isSpent: boolean;
}

/** What is to be done. */
export type QueueCommand =
  | { type: 'claim'; id: TaskId }
  /** Let any coordinator take it. */
  | { type: 'offer'; id: TaskId }
  /** Give a task that does not run its outcome; then say `settled`. */
  | { type: 'settle'; id: TaskId; how: Verdict }
  /** Stop a claimed task, which is to end like this. */
  | { type: 'stop'; id: TaskId; how: Verdict };
