import { PoolError } from '../core/errors.js';
import { MAX_TIMER_MS } from '../core/timer.js';
import { idOf } from '../wire/functions/function-id.js';
import { isPartKind, type SentPart, type SentSource } from '../wire/functions/parts.js';
import type { Part__Output } from '../wire/generated/offhand/v1/Part.js';
import type { Limits__Output } from '../wire/generated/offhand/v1/Limits.js';

const DEFAULT_GRACE_MS = 500;

/** What a call runs, the same whether it came alone or on a stream. */
export interface CalledFunction {
  functionId: string;
  /** Absent when the caller believes that the function is known here. */
  source: SentSource | undefined;
  /** Shown in status and errors. */
  name: string;
  /** From the moment user code begins, in ms; the main thread watches it. Undefined for no limit. */
  timeoutMs: number | undefined;
  /** How long code that has asked for its signal may take to end by itself, in ms. */
  cancelGraceMs: number;
}

/** The fields of a message that say it. */
export interface CallMessage {
  source?: string;
  functionId?: string;
  name: string;
  limits: Limits__Output | null;
  parts?: Part__Output[];
}

/** Checks what came by wire. @throws PoolError `invalid-argument`, naming the field. */
export function calledFunctionFrom({
  source,
  functionId,
  name,
  limits,
  parts = [],
}: CallMessage): CalledFunction {
  if (!source && !functionId) {
    throw new PoolError('invalid-argument', 'function: expected source or function_id, got neither');
  }
  return {
    functionId: source ? idOf(source) : String(functionId),
    source: source ? { text: source, parts: parts.map(partFrom) } : undefined,
    name: name || 'anonymous',
    timeoutMs: timeoutFrom(limits),
    cancelGraceMs: graceFrom(limits),
  };
}

function partFrom({ kind, id, data, name, remedy }: Part__Output): SentPart {
  if (!isPartKind(kind))
    throw new PoolError(
      'invalid-argument',
      `parts.kind: expected DATA, MODULE or SETUP, got ${JSON.stringify(kind)}`,
    );
  if (data) return { kind, id: idOf(data), name, data, remedy };
  if (id) return { kind, id, name, data: undefined, remedy };
  throw new PoolError('invalid-argument', 'parts: expected data or id, got neither');
}

function graceFrom(limits: Limits__Output | null): number {
  const graceMs = limits?.cancelGraceMs ?? DEFAULT_GRACE_MS;
  if (graceMs >= 0) return Math.min(graceMs, MAX_TIMER_MS);
  throw new PoolError(
    'invalid-argument',
    `limits.cancel_grace_ms: expected a duration of at least 0, got ${graceMs}`,
  );
}

function timeoutFrom(limits: Limits__Output | null): number | undefined {
  const timeoutMs = limits?.timeoutMs;
  if (timeoutMs === undefined) return undefined;
  if (timeoutMs > 0) return timeoutMs <= MAX_TIMER_MS ? timeoutMs : undefined;
  throw new PoolError('invalid-argument', `limits.timeout_ms: expected a duration above 0, got ${timeoutMs}`);
}
