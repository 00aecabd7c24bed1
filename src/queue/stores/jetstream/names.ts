import { createHash } from 'node:crypto';
import type { TaskId } from '../../../core/ids.js';
import { needsOf } from '../../executors.js';

// What is kept where, and under what subjects.

/** Tasks that any coordinator may take. */
export const WORK = 'OFFHAND_WORK';
/** What became of tasks that somebody has claimed, or that were settled: the newest record of each. */
export const TASKS = 'OFFHAND_TASKS';
/** Tasks whose time has not come; each is in the care of one coordinator. */
export const HELD = 'OFFHAND_HELD';
/** That tasks were there whose outcomes are kept no longer. */
export const DROPPED = 'OFFHAND_DROPPED';
/** Which tasks have failed, or were cancelled, the oldest first. */
export const DEAD = 'OFFHAND_DEAD';
/** Small facts: idempotency keys, the lanes there are, who is there. */
export const KEYS = 'OFFHAND_KEYS';
export const LANES = 'OFFHAND_LANES';
export const SEATS = 'OFFHAND_SEATS';
/** What is too large for a message; and functions. */
export const PAYLOADS = 'OFFHAND_PAYLOADS';
export const FUNCTIONS = 'OFFHAND_FUNCTIONS';

/** A raise is a change that an older offhand cannot read. Kept as the description of the work stream. */
export const VERSION = 1;

export const WORK_SUBJECTS = 'offhand.work.*.*.*';
export const TASK_SUBJECTS = 'offhand.task.*';
export const HELD_SUBJECTS = 'offhand.held.*.*';
export const DEAD_SUBJECTS = 'offhand.dead.*';
export const DROPPED_SUBJECTS = 'offhand.dropped.*';

/** By which coordinators tell one another what happens; nothing of it is kept. */
export const NEWS_SUBJECT = 'offhand.news';
export const lettersTo = (holder: string): string => `offhand.to.${holder}`;

export const taskSubject = (id: TaskId): string => `offhand.task.${id}`;
export const heldSubject = (home: string, id: TaskId): string => `offhand.held.${home}.${id}`;
export const anyHeldBy = (home: string): string => `offhand.held.${home}.*`;
export const anyHeldSubject = (id: TaskId): string => `offhand.held.*.${id}`;
export const deadSubject = (id: TaskId): string => `offhand.dead.${id}`;
export const droppedSubject = (id: TaskId): string => `offhand.dropped.${id}`;
/** Where its level and its needs are not known. */
export const anyWorkSubject = (id: TaskId): string => `offhand.work.*.*.${id}`;

/** Tasks of one level that ask for the same of their worker. */
export interface Lane {
  readonly level: number;
  /** The tags as one word, as of `TaskFacts`. */
  readonly needs: string;
}

/** So many levels have a line of their own; what is above or below stands with the last. */
const MOST_LEVEL = 4;

function levelOf(priority: number): number {
  return Math.max(-MOST_LEVEL, Math.min(MOST_LEVEL, priority)) + MOST_LEVEL;
}

export function laneOf(priority: number, requires: readonly string[]): Lane {
  return { level: levelOf(priority), needs: needsOf(requires) };
}

/** As one word that may stand in a subject. */
export function laneName({ level, needs }: Lane): string {
  return `${level}-${needsWord(needs)}`;
}

export function laneSubjects({ level, needs }: Lane): string {
  return `offhand.work.${level}.${needsWord(needs)}.*`;
}

export function workSubject({ level, needs }: Lane, id: TaskId): string {
  return `offhand.work.${level}.${needsWord(needs)}.${id}`;
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

const words = new Map<string, string>([['', '0']]);

function needsWord(needs: string): string {
  let word = words.get(needs);
  if (word === undefined) words.set(needs, (word = digestOf(needs).slice(0, 12)));
  return word;
}

export function idOfSubject(subject: string): TaskId {
  return subject.slice(subject.lastIndexOf('.') + 1) as TaskId;
}
