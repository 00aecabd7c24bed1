import { PoolError } from '../../core/errors.js';
import type { FailedAttempt__Output } from '../../wire/generated/offhand/v1/FailedAttempt.js';
import type { ExplainResponse__Output } from '../../wire/generated/offhand/v1/ExplainResponse.js';
import { type TaskDetails, taskDetailsFrom } from './task-details.js';

/** What the time of a submitted task can go into, in the order in which it passes. */
const TIME_PHASES = [
  'held-back',
  'line',
  'claim',
  'placement',
  'earlier-attempts',
  'wire',
  'slot',
  'decode',
  'run',
] as const;

/**
 * - `held-back`: its delay, the tasks it comes after, its full group; and whatever went before its last attempt.
 * - `line`: it could begin, and others were before it.
 * - `claim`: the store noted that it is to run, and gave it out.
 * - `placement`: it waited for a worker.
 * - `earlier-attempts`: tries on workers that were lost, or that `retries` made good.
 * - `wire`: on its way to the worker and back.
 * - `slot`: at the worker, behind others.
 * - `decode`: its arguments were decoded.
 * - `run`: its function ran.
 */
export type TimePhase = (typeof TIME_PHASES)[number];

/** Why a submitted task stands where it does. */
export interface TaskExplanation {
  task: TaskDetails;
  /** For people: why it has not begun, or where it runs; undefined once it has its outcome. */
  standing: string | undefined;
  /** Where its last attempt was made; undefined where none has come to a worker so far. */
  worker: string | undefined;
  /** Why there, in the scheduler's words. */
  reason: string | undefined;
  /** Where its time went so far, in ms: what it came to, in the order in which it passed. */
  spentMs: Partial<Record<TimePhase, number>>;
  /** How its function is written, as far as its client lets people see; undefined where that has said nothing. */
  source: string | undefined;
  /** Attempts that failed and were made again: the newest, eight at most, in order. */
  earlier: EarlierFailure[];
}

/** An attempt at a submitted task that failed and was made again. */
export interface EarlierFailure {
  /** From 1. */
  attempt: number;
  /** Undefined where it never came to one. */
  worker: string | undefined;
  failedAt: Date;
  /** `thrown` where the function itself threw. */
  code: string;
  message: string;
  /** Of what the function threw, cut to 4,000 characters. */
  stack: string | undefined;
}

function earlierFrom({ attempt, worker, atMs, failure }: FailedAttempt__Output): EarlierFailure {
  const { code = '', message = '', stack = '' } = failure ?? {};
  return {
    attempt,
    worker: worker || undefined,
    failedAt: new Date(atMs),
    code,
    message,
    stack: stack || undefined,
  };
}

/** @throws PoolError `internal` when the answer names no task */
export function taskExplanationFrom(answer: ExplainResponse__Output): TaskExplanation {
  const { task, standing, worker, reason, spent, earlier, source } = answer;
  if (!task) throw new PoolError('internal', 'the pool explained no task');
  const spentMs: TaskExplanation['spentMs'] = {};
  for (const { what, ms } of spent) {
    const phase = TIME_PHASES.find((one) => one === what);
    if (phase) spentMs[phase] = ms;
  }
  return {
    task: taskDetailsFrom(task),
    standing: standing || undefined,
    worker: worker || undefined,
    reason: reason || undefined,
    spentMs,
    source: source || undefined,
    earlier: earlier.map(earlierFrom),
  };
}
