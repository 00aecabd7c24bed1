const WINDOW_MS = 10_000;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;

/** Of the instants at which a process died, in ms, those that still count. */
export function recentDeaths(deaths: readonly number[], now: number): number[] {
  return deaths.filter((at) => now - at < WINDOW_MS);
}

/**
 * How long to wait before a process that died is started again, in ms: at once, but from the third death within ten
 * seconds on 0.5 s, doubling to at most 10 s.
 *
 * @param deaths instants of its deaths in ms, newest last.
 */
export function restartDelayMs(deaths: readonly number[], now: number): number {
  const recent = recentDeaths(deaths, now).length;
  return recent < 3 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (recent - 3), MAX_DELAY_MS);
}
