const WINDOW_MS = 10_000;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;

/**
 * How long to wait before a process that died is started again, in ms: at once, but from the third death within ten
 * seconds on 0.5 s, doubling to at most 10 s.
 *
 * @param deaths instants of its deaths in ms, newest last.
 */
export function restartDelayMs(deaths: readonly number[], now: number): number {
  const recent = deaths.filter((at) => now - at < WINDOW_MS).length;
  return recent < 3 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (recent - 3), MAX_DELAY_MS);
}
