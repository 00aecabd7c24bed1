import { PoolError } from './errors.js';
import { MAX_TIMER_MS } from './timer.js';

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * `500ms`, `30s`, `5m`, `1h`, `2d`; a bare number is milliseconds.
 *
 * @param name how an error message names the option.
 * @param mostMs what a timer can wait, unless it is given.
 * @throws PoolError `invalid-argument`
 */
export function parseDurationMs(text: string | number, name: string, mostMs = MAX_TIMER_MS): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(String(text).trim());
  const unit = UNITS[match?.[2] ?? 'ms'];
  if (!match || unit === undefined) {
    throw new PoolError(
      'invalid-argument',
      `${name}: expected a duration such as 500ms, 30s or 1h, got ${JSON.stringify(text)}`,
    );
  }
  const ms = Number(match[1]) * unit;
  if (ms <= mostMs) return ms;
  const days = Math.floor(mostMs / 86_400_000);
  throw new PoolError('invalid-argument', `${name}: expected at most ${days}d, got ${text}`);
}

/** How long something may take: a duration above 0. @throws PoolError `invalid-argument` */
export function parseLimitMs(text: string, name: string): number {
  const ms = parseDurationMs(text, name);
  if (ms > 0) return ms;
  throw new PoolError('invalid-argument', `${name}: expected more than 0, got ${JSON.stringify(text)}`);
}
