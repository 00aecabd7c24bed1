import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../core/errors.js';
import type { Logger } from '../host/logger.js';
import { type Address, formatAddress, isLoopback } from '../wire/address.js';
import type { Credentials } from '../wire/credentials.js';
import { adopt, search } from '../wire/discovery.js';
import type { CoordinatorPlace, SearchRange } from '../wire/process-messages.js';
import type { Coordinator } from './coordinator.js';

/** How long to rest before the ports are looked at again, in ms. */
const RESCAN_MS = 5_000;

/**
 * Looks for workers that wait to be found, again and again, and takes them on.
 *
 * @param own where they find this coordinator.
 * @returns ends the search.
 */
export function discoverWorkers(
  coordinator: Coordinator,
  own: CoordinatorPlace,
  { discover, credentials }: { discover: readonly SearchRange[]; credentials: Credentials },
  log: Logger,
): () => void {
  const abort = new AbortController();
  /** What was last heard of each that did not come: said once. */
  const refusals = new Map<string, string>();
  const rescan = async () => {
    for await (const worker of search(unknownPlaces(coordinator, discover), 'worker', credentials)) {
      if (abort.signal.aborted) return;
      const address = formatAddress(worker);
      try {
        await adopt(worker, own, credentials);
        refusals.delete(address);
        log.info({ address }, 'worker found');
      } catch (error) {
        const reason = messageOf(error);
        if (refusals.get(address) !== reason)
          log.warn({ address, reason }, 'worker found, but it does not come');
        refusals.set(address, reason);
      }
    }
  };
  const run = async () => {
    while (!abort.signal.aborted) {
      await rescan();
      await delay(RESCAN_MS, undefined, { signal: abort.signal }).catch(() => undefined); // Aborted: over.
    }
  };
  void run();
  return () => abort.abort();
}

/** Those where none of the workers is that are attached. */
function unknownPlaces(coordinator: Coordinator, ranges: readonly SearchRange[]): SearchRange[] {
  const known = coordinator.members.inOrder.map(({ info }) => info);
  return ranges.map(({ host, ports }) => ({
    host,
    ports: ports.filter((port) => !known.some((worker) => isSamePlace(worker, { host, port }))),
  }));
}

function isSamePlace(one: Address, other: Address): boolean {
  const isSameHost = one.host === other.host || (isLoopback(one.host) && isLoopback(other.host));
  return isSameHost && one.port === other.port;
}
