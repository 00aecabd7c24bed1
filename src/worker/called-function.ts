import { PoolError } from '../core/errors.js';
import { MAX_TIMER_MS } from '../core/timer.js';
import { idOf } from '../wire/functions/source.js';
import type { Limits__Output } from '../wire/generated/offhand/v1/Limits.js';

const DEFAULT_GRACE_MS = 500;

/** What a call runs, the same whether it came alone or on a stream. */
export interface CalledFunction {
  functionId: string;
  /** Absent when the caller believes that the function is known here. */
  source: string | undefined;
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
}

/** Checks what came by wire. @throws PoolError `invalid-argument`, naming the field. */
export function calledFunctionFrom({ source, functionId, name, limits }: CallMessage): CalledFunction {
  if (!source && !functionId) {
    throw new PoolError('invalid-argument', 'function: expected source or function_id, got neither');
  }
  return {
    functionId: source ? idOf(source) : String(functionId),
    source: source || undefined,
    name: name || 'anonymous',
    timeoutMs: timeoutFrom(limits),
    cancelGraceMs: graceFrom(limits),
  };
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
