import { setTimeout as delay } from 'node:timers/promises';

/** For how long, and how often, in ms. */
const WITHIN_MS = 10_000;
const AGAIN_MS = 250;

/** The library's names for: nobody hears this subject, or does not answer in time. The first two are of a stream without a leader as well. */
const PASSING_NAMES = ['JetStreamNotEnabled', 'NoRespondersError', 'RequestError', 'TimeoutError'];

/** JetStream temporarily unavailable; not enabled yet for this account; too few servers known yet for the replicas. */
const PASSING_CODES = [10_008, 10_039, 10_005];

/** What servers answer that have just started, or are about to choose a leader: nobody there has the say yet. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, code, cause } = error as Error & { code?: unknown };
  return PASSING_NAMES.includes(name) || PASSING_CODES.some((each) => each === code) || isPassing(cause);
}

/**
 * Does what may be done twice, until the servers of a cluster agree who answers; with ten seconds for that from the first refusal on,
 * unless it says otherwise, or until it is over.
 */
export async function patiently<T>(
  work: () => Promise<T>,
  { withinMs = WITHIN_MS, isOver = () => false }: { withinMs?: number; isOver?: () => boolean } = {},
): Promise<T> {
  let until: number | undefined;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      until ??= performance.now() + withinMs;
      if (!isPassing(error) || isOver() || performance.now() > until) throw error;
      await delay(AGAIN_MS);
    }
  }
}
