import { PoolError } from '../core/errors.js';
import { MAX_TIMER_MS } from '../core/timer.js';
import { idOf } from '../wire/functions/source.js';
import type { Limits__Output } from '../wire/generated/offhand/v1/Limits.js';

/** What a call runs, the same whether it came alone or on a stream. */
export interface CalledFunction {
  functionId: string;
  /** Absent when the caller believes that the function is known here. */
  source: string | undefined;
  /** Shown in status and errors. */
  name: string;
  /** From the moment user code begins, in ms; the main thread watches it. Undefined for no limit. */
  timeoutMs: number | undefined;
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
  };
}

function timeoutFrom(limits: Limits__Output | null): number | undefined {
  const timeoutMs = limits?.timeoutMs;
  if (timeoutMs === undefined) return undefined;
  if (timeoutMs > 0) return timeoutMs <= MAX_TIMER_MS ? timeoutMs : undefined;
  throw new PoolError('invalid-argument', `limits.timeout_ms: expected a duration above 0, got ${timeoutMs}`);
}
