import type { DirectTask, EarlierAttempt } from '../client/direct/direct-task.js';
import type { Took } from '../client/outcome.js';
import type { Failure } from '../wire/outcome.js';
import type { TaskSpec } from './store.js';
import type { LogLine, TaskProgress } from './task-log.js';
import { failureOf } from './verdicts.js';

/** Where the time of an attempt went, in ms, and where it was made. */
export interface Course {
  /** Empty where it never came to a worker. */
  worker: string;
  /** Why it was made there, in the scheduler's words. */
  reason: string;
  /** In line in the queue, until it was claimed. */
  lineMs: number;
  /** Until the store had noted the claim, and given out what it takes to run it. */
  claimMs: number;
  /** For a worker. */
  placementMs: number;
  /** Taken by tries that were made before, on workers that were lost, say. */
  earlierMs: number;
  /** On its way to the worker and back, and what else cannot be told apart from that; known once it has ended. */
  wireMs: number;
  /** At its slot, behind others. */
  slotMs: number;
  decodeMs: number;
  /** Of one whose slot has told nothing so far, or never will, all of the time since it was sent. */
  runMs: number;
  /** Attempts before it that failed, the newest last; left out where there was none. */
  earlier?: readonly FailedAttempt[];
}

/** What is kept of an attempt that failed, and was made again. */
export interface FailedAttempt {
  attempt: number;
  /** Empty where it never came to one. */
  worker: string;
  /** When it was known to have failed, in ms since 1970. */
  at: number;
  /** Without what was thrown; long words are cut. */
  failure: Failure;
}

/** What is needed to say how a task stands. */
export type TaskWords = Pick<TaskSpec, 'id' | 'requires'>;

/** The newest attempt at a task that a worker has, or had. */
export interface Made {
  attempt: number;
  /** When it was given to its worker, in ms since 1970. */
  at: number;
}

/** How a task stands that a coordinator has claimed. */
export interface ClaimedStanding {
  /** For people. */
  words: string;
  /** So far. */
  course: Course;
  /** What it has told last. */
  progress?: TaskProgress | undefined;
  /** What it has printed so far. */
  lines: readonly LogLine[];
  /** Undefined while no worker has had it since it was claimed. */
  made?: Made | undefined;
}

/** A task has up to eight of them, in each of its records. */
const MAX_MESSAGE = 1_000;
const MAX_STACK = 4_000;

/** Instants on the clock of `performance`. */
export interface AttemptTimes {
  claimedAt: number;
  startedAt: number;
}

/** Of a task that never came to a worker. */
export function unrunCourse(lineMs: number): Course {
  const none = { claimMs: 0, placementMs: 0, earlierMs: 0, wireMs: 0, slotMs: 0, decodeMs: 0, runMs: 0 };
  return { worker: '', reason: '', lineMs, ...none };
}

/** @param took as its slot told it; undefined while nobody knows. */
export function courseOf(
  task: DirectTask | undefined,
  { claimedAt, startedAt }: AttemptTimes,
  took: Took | undefined,
  now: number,
): Course {
  const { grant, sentAt = startedAt, waitedMs = 0, earlier } = task ?? {};
  const isThere = task && grant && !task.isWaiting;
  const sinceSentMs = isThere ? now - sentAt : 0;
  const { waitMs: slotMs = 0, decodeMs = 0, runMs = 0 } = took ?? { runMs: sinceSentMs };
  const beforeMs = (isThere ? sentAt : now) - startedAt;
  const placementMs = earlier ? waitedMs : beforeMs;
  const earlierMs = beforeMs - placementMs;
  const wireMs = sinceSentMs - slotMs - decodeMs - runMs;
  const course: Course = {
    worker: grant?.worker ?? '',
    reason: grant ? reasonOf(grant, startedAt) : '',
    lineMs: 0,
    claimMs: round(startedAt - claimedAt),
    placementMs: round(placementMs),
    earlierMs: round(earlierMs),
    wireMs: round(wireMs),
    slotMs: round(slotMs),
    decodeMs: round(decodeMs),
    runMs: round(runMs),
  };
  if (earlier) course.earlier = earlier.map(failedAttempt);
  return course;
}

function failedAttempt({ reason, ...facts }: EarlierAttempt): FailedAttempt {
  const { code, message, name, stack, mayHaveRun } = failureOf(reason);
  return {
    ...facts,
    failure: {
      code,
      message: message.slice(0, MAX_MESSAGE),
      ...(name !== undefined && { name }),
      ...(stack !== undefined && { stack: stack.slice(0, MAX_STACK) }),
      mayHaveRun,
    },
  };
}

/** A lease is granted once, and serves many tasks. */
function reasonOf({ reason, at }: { reason: string; at: number }, startedAt: number): string {
  return at >= startedAt || reason === '' ? reason : `the queue had its slot already (${reason})`;
}

/** To whole µs. */
function round(ms: number): number {
  return Math.max(0, Math.round(ms * 1_000) / 1_000);
}
