import { bufferOf } from '../../../wire/values/buffer.js';
import type { TaskState } from '../../../core/queue/task.js';
import type { Failure } from '../../../wire/outcome.js';
import type { Encoding, Payload } from '../../../wire/values/payload.js';
import type { Course } from '../../course.js';
import type { TaskOutcome, TaskRecord, TaskSpec } from '../../store.js';
import type { LogLine } from '../../task-log.js';
import { type KeptSpec, specOfWritten } from '../kept-spec.js';

/** Where bytes are: behind the head, or by this name among the large ones. */
export interface Place {
  encoding: Encoding;
  bytes: number;
  object?: string;
}

/** Of a task that waits: offered to all, or held for its home. Its arguments follow. */
export interface WaitingHead {
  spec: KeptSpec;
  /** Rises with every task that a coordinator takes on: what was submitted in the same ms stands in this order. */
  order: number;
  args: Place;
  /** How many times it was offered before. */
  offering: number;
  /** Of one that was offered, in ms since 1970. */
  offeredAt?: number;
}

/** Of a task that was claimed or settled. Its outcome's bytes, its arguments and what it has printed follow, if they are there. */
export interface TaskHead {
  spec: KeptSpec;
  order: number;
  state: TaskState;
  attempt: number;
  offering: number;
  losses: number;
  holder?: string;
  startedAt?: number | undefined;
  settledAt?: number | undefined;
  failure?: Failure;
  runMs?: number | undefined;
  course?: Course;
  out?: Place;
  args?: Place;
  log?: number;
}

/** Of one whose outcome was dropped. */
export interface DroppedHead {
  spec: KeptSpec;
  order: number;
  state: TaskState;
  attempt: number;
  startedAt?: number | undefined;
  settledAt?: number | undefined;
  runMs?: number | undefined;
}

/** Messages of a megabyte are refused, unless NATS is told otherwise. */
const MAX_WORDS = 32 * 1024;

export function keptSpec(spec: TaskSpec | KeptSpec): KeptSpec {
  return specOfWritten(spec);
}

/** As all specs of this process are. */
export function specFrom(spec: KeptSpec): KeptSpec {
  return specOfWritten(spec);
}

export function payloadAt({ encoding, bytes }: Place, data: Uint8Array, offset = 0): Payload {
  return { encoding, data: bufferOf(data.subarray(offset, offset + bytes)) };
}

export function recordFrom(head: TaskHead, isDropped = false): TaskRecord {
  const { spec, state, attempt, startedAt, settledAt, failure, runMs = 0, course } = head;
  const isOver = state !== 'pending' && state !== 'running';
  return {
    spec: specFrom(spec),
    state,
    attempt,
    startedAt,
    settledAt: isOver ? settledAt : undefined,
    failure: isOver ? failure : undefined,
    runMs,
    course: isOver ? course : undefined,
    isDropped,
  };
}

export function waitingRecord({ spec, order }: WaitingHead): TaskRecord {
  return recordFrom({ spec, order, state: 'pending', attempt: 0, offering: 0, losses: 0 });
}

/** In words that fit a message; its bytes apart. */
export function outcomeParts(outcome: TaskOutcome): { failure?: Failure; payload: Payload | undefined } {
  if (outcome.state === 'succeeded') return { payload: outcome.result };
  const { error, ...words } = outcome.failure;
  const { message, stack } = words;
  return {
    failure: {
      ...words,
      message: message.slice(0, MAX_WORDS),
      ...(stack !== undefined && { stack: stack.slice(0, MAX_WORDS) }),
    },
    payload: error,
  };
}

export function outcomeFrom(head: TaskHead, payload: Payload | undefined): TaskOutcome | undefined {
  const { state, runMs = 0, failure } = head;
  if (state === 'pending' || state === 'running') return undefined;
  if (state === 'succeeded')
    return { state, runMs, result: payload ?? { encoding: 'V8', data: Buffer.alloc(0) } };
  const words = failure ?? { code: 'internal', message: '', mayHaveRun: true };
  return { state, runMs, failure: payload ? { ...words, error: payload } : words };
}

export function logBytes(log: readonly LogLine[] | undefined): Uint8Array {
  return log && log.length > 0 ? Buffer.from(JSON.stringify(log)) : NO_BYTES;
}

export function logFrom(bytes: Uint8Array): LogLine[] {
  return bytes.length > 0 ? (JSON.parse(bufferOf(bytes).toString()) as LogLine[]) : [];
}

export const NO_BYTES = new Uint8Array(0);
