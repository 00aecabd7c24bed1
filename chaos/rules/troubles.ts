import type { History, Span } from '../history.js';

/** For how long after the pool is whole again what happened before may still be heard of, in ms. */
const ECHO_MS = 1_000;

/** When a call may suffer from what was done to the pool. */
export function troublesOf({ rounds }: History): Span[] {
  return rounds.map(({ startedAt, recoveredAt = Infinity, faults }) => ({
    from: startedAt,
    to: Math.max(recoveredAt, ...faults.map(({ until }) => until)) + ECHO_MS,
  }));
}
