import { PoolError } from '../core/errors.js';
import type { ClientId } from '../core/ids.js';
import type { Scheduler } from '../core/scheduler/scheduler.js';
import { NO_TAGS, type TagSet } from '../core/tags.js';

/** Requests for a lease that may wait, of one client and in all; those of sessions, which are few, are not counted out. */
const MAX_WAITING_PER_CLIENT = 1_000;
const MAX_WAITING = 100_000;

/**
 * A session asks for no more than it has a use for; other callers have to be told when to stop.
 *
 * @throws PoolError `queue-full`
 */
export function checkRoom(scheduler: Scheduler, client: ClientId): void {
  const advice = 'ask again when some of them are served';
  if (scheduler.waitingOf(client) >= MAX_WAITING_PER_CLIENT)
    throw new PoolError(
      'queue-full',
      `this client has ${MAX_WAITING_PER_CLIENT} requests waiting; ${advice}`,
    );
  if (scheduler.waiting >= MAX_WAITING)
    throw new PoolError('queue-full', `the pool has ${MAX_WAITING} requests waiting; ${advice}`);
}

/** What a request is refused with that no worker can serve. */
export function noneFits({ tags }: TagSet = NO_TAGS): PoolError {
  return new PoolError(
    'no-worker-fits',
    `no worker of this pool has ${tags.join(', ')}; ask for less, or start workers with --tag`,
  );
}

export function stopping(): PoolError {
  return new PoolError('unavailable', 'the pool is stopping');
}
