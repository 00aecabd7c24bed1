import { PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import type { RetentionRule, TaskStore } from './store.js';

/** That a task was there is remembered of this many whose outcomes were dropped. */
export const MAX_DROPPED = 100_000;

/** For how long outcomes are kept, and how many of them. */
export interface Retention {
  keepMs: number;
  keepCount: number;
}

/** What a queue takes, and what it keeps. */
export interface QueueLimits extends Retention {
  /** How many tasks may be without an outcome. */
  maxQueued: number;
}

/** @throws PoolError `queue-full` */
export function checkRoom(tasks: number, most: number): void {
  if (tasks <= most) return;
  throw new PoolError(
    'queue-full',
    `the queue has no room: ${most} tasks may wait or run at a time (--max-queued); try again later`,
  );
}

/** How many tasks that have failed, or were cancelled, are kept for people to look at; the oldest go first. */
const MAX_DEAD_LETTERS = 10_000;

/** How often outcomes are looked through, in ms. */
const SWEEP_MS = 1_000;

/** What may go by now: results by age and number, dead letters by number alone. */
function retentionRules({ keepMs, keepCount }: Retention, now: number): RetentionRule[] {
  return [
    { states: ['succeeded'], before: now - keepMs, most: keepCount },
    { states: ['failed', 'cancelled'], before: Number.NEGATIVE_INFINITY, most: MAX_DEAD_LETTERS },
  ];
}

/**
 * Drops outcomes that are kept no longer, until it is told to end.
 *
 * @param unusedOf leaves out those whose results a task takes that has not ended: they stay.
 */
export function keepWithin(
  retention: Retention,
  store: TaskStore,
  unusedOf: (ids: readonly TaskId[]) => Promise<readonly TaskId[]>,
  onError: (error: unknown) => void,
): () => void {
  let isSweeping = false;
  let isOver = false;
  const sweep = async () => {
    for (const rule of retentionRules(retention, Date.now())) {
      for (let ids = await store.expendable(rule); ids.length > 0; ids = await store.expendable(rule)) {
        const unused = await unusedOf(ids);
        if (isOver || unused.length === 0) break;
        await store.drop(unused);
      }
    }
  };
  const timer = setInterval(() => {
    if (isSweeping) return;
    isSweeping = true;
    sweep()
      .catch(onError)
      .finally(() => (isSweeping = false));
  }, SWEEP_MS);
  timer.unref();
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}
