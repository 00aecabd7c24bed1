/** What a call may be tried again after: the loss of its worker, an error that its function threw, its own time limit. */
export const RETRY_CAUSES = ['worker-lost', 'thrown', 'timeout'] as const;
export type RetryCause = (typeof RETRY_CAUSES)[number];

export interface RetryPolicy {
  /** Further attempts after the first. */
  retries?: number | undefined;
  retryOn?: readonly RetryCause[] | undefined;
}

/** A task that has cost this many workers is not tried again, whatever its policy. */
export const POISON_LOSSES = 3;

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;

/**
 * How many further attempts a failure of this kind allows in all. Without a policy, one after the loss of a worker, which
 * says nothing about the task; none after what the task did itself.
 */
export function retriesFor(cause: RetryCause, { retries, retryOn }: RetryPolicy): number {
  if (retryOn && !retryOn.includes(cause)) return 0;
  return retries ?? (retryOn || cause === 'worker-lost' ? 1 : 0);
}

/** Whether a task that went down with so many coordinators must not run again. */
export function isSpent(losses: number, policy: RetryPolicy): boolean {
  return losses > 0 && losses > retriesFor('worker-lost', policy);
}

/**
 * How long to wait before the next attempt, in ms: anything up to 100 ms after the first, doubling to at most 30 s, so
 * that tasks which failed together do not come back together ("full jitter": M. Brooker, Exponential Backoff And Jitter,
 * AWS Architecture Blog, 2015).
 *
 * @param attempts that have failed so far, from 1.
 * @param random from 0 to 1.
 */
export function retryDelayMs(attempts: number, random: number): number {
  return random * Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), MAX_DELAY_MS);
}
