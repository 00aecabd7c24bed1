/** The longest that Node's timers wait, in ms (2^31 - 1, some 24 days); a longer one would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;
