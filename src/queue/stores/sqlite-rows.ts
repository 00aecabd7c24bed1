import { isSettled, TASK_STATES, type TaskState } from '../../core/queue/task.js';
import type { Failure } from '../../wire/outcome.js';
import type { Encoding, Payload } from '../../wire/values/payload.js';
import type { Course } from '../course.js';
import type { TaskOutcome, TaskRecord } from '../store.js';
import { type KeptSpec, specOfWritten } from './kept-spec.js';
import type { Row } from './sqlite-schema.js';

export function specFrom(written: string): KeptSpec {
  return specOfWritten(JSON.parse(written) as KeptSpec);
}

export function specOf(row: Row): KeptSpec {
  return specFrom(row['spec'] as string);
}

export function stateOf(row: Row): TaskState {
  return TASK_STATES[Number(row['state'])] ?? 'pending';
}

export function recordOf(row: Row): TaskRecord {
  return {
    spec: specOf(row),
    state: stateOf(row),
    attempt: Number(row['attempt']),
    startedAt: optional(row['started_at']),
    settledAt: optional(row['settled_at']),
    failure: row['failure'] === null ? undefined : (JSON.parse(row['failure'] as string) as Failure),
    runMs: Number(row['run_ms']),
    course: row['course'] === null ? undefined : (JSON.parse(row['course'] as string) as Course),
    isDropped: row['dropped'] === 1,
  };
}

export function outcomeOf(row: Row): TaskOutcome | 'dropped' | undefined {
  if (row['dropped'] === 1) return 'dropped';
  const state = stateOf(row);
  if (!isSettled(state)) return undefined;
  const runMs = Number(row['run_ms']);
  const payload = row['outcome'] === null ? undefined : payloadOf(row['outcome_encoding'], row['outcome']);
  if (state === 'succeeded') return { state, runMs, result: payload ?? payloadOf('V8', Buffer.alloc(0)) };
  const failure = JSON.parse(row['failure'] as string) as Failure;
  return { state, runMs, failure: payload ? { ...failure, error: payload } : failure };
}

export function partsOf(outcome: TaskOutcome): { words: string | null; payload: Payload | undefined } {
  if (outcome.state === 'succeeded') return { words: null, payload: outcome.result };
  const { error, ...words } = outcome.failure;
  return { words: JSON.stringify(words), payload: error };
}

export function payloadOf(encoding: unknown, data: unknown): Payload {
  return { encoding: encoding as Encoding, data: data as Buffer };
}

export function textOf(value: object | undefined): string | null {
  return value ? JSON.stringify(value) : null;
}

function optional(value: unknown): number | undefined {
  return value === null ? undefined : Number(value);
}
