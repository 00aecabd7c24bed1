import { PoolError } from '../core/errors.js';
import { MAX_TIMER_MS } from '../core/timer.js';
import type { Limits__Output } from '../wire/generated/offhand/v1/Limits.js';

/** The time limit that came by wire, in ms; undefined for none. @throws PoolError `invalid-argument` */
export function timeoutFrom(limits: Limits__Output | null | undefined): number | undefined {
  const timeoutMs = limits?.timeoutMs;
  if (timeoutMs === undefined) return undefined;
  if (!(timeoutMs > 0)) {
    throw new PoolError(
      'invalid-argument',
      `limits.timeout_ms: expected a duration above 0, got ${timeoutMs}`,
    );
  }
  return timeoutMs <= MAX_TIMER_MS ? timeoutMs : undefined;
}
