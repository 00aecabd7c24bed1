import { setTimeout as delay } from 'node:timers/promises';
import { PoolError } from '../core/errors.js';
import type { Address } from '../wire/address.js';
import type { Credentials } from '../wire/credentials.js';
import { CoordinatorLink } from './coordinator-link.js';

/** How long one may take before the next is asked as well, in ms. */
const HEAD_START_MS = 500;

/**
 * The first of these coordinators that lets us in; earlier ones have a head start.
 *
 * @throws PoolError why none of them does: what one has said goes before that others were not reached
 */
export async function firstAnswering(
  places: readonly Address[],
  credentials: Credentials,
  clientId: string,
): Promise<Address> {
  const refusals: PoolError[] = [];
  const asked = new Set<Promise<Address | undefined>>();
  for (const place of places) {
    const ask = greet(place, credentials, clientId).then(
      () => place,
      (error: PoolError) => {
        refusals.push(error);
        asked.delete(ask);
        return undefined;
      },
    );
    asked.add(ask);
    const silent = delay(HEAD_START_MS, undefined, { ref: false });
    const found = await Promise.race([...asked, silent]);
    if (found) return found;
  }
  while (asked.size > 0) {
    const found = await Promise.race(asked);
    if (found) return found;
  }
  const [said = refusals[0]] = refusals.filter(({ code }) => code !== 'unavailable');
  throw said ?? new PoolError('unavailable', 'there is no coordinator to ask');
}

async function greet(place: Address, credentials: Credentials, clientId: string): Promise<void> {
  const link = new CoordinatorLink(place, credentials, clientId);
  try {
    await link.handshake();
  } finally {
    link.close();
  }
}
