import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { clusterInWords } from '../cluster/address.js';
import type { Announcement } from '../cluster/announcement.js';
import { Announcements } from '../cluster/announcements.js';
import { ClusterConnection, type ClusterLog } from '../cluster/connection.js';
import { patiently } from '../cluster/patiently.js';
import { messageOf, PoolError } from '../core/errors.js';
import { once } from '../core/once.js';
import type { ClusterDocument__Output } from '../wire/generated/offhand/v1/ClusterDocument.js';
import type { QueueOptions } from '../wire/process-messages.js';
import { PROTOCOL, VERSION } from '../wire/protocol.js';
import type { Coordinator } from './coordinator.js';

/** By which administrators of NATS know the connection. */
const NAME = 'offhand coordinator, announcements';

/** The store's own connection says when NATS is gone, and when it is back. */
const quiet = (log: ClusterLog): ClusterLog => ({ ...log, info: () => undefined, warn: () => undefined });

/** What a coordinator and those that share its NATS cluster know of one another. */
export interface ClusterView {
  document(): Promise<ClusterDocument__Output>;
  /** Nobody is to find this coordinator any more. Asking twice is harmless. */
  leave(): Promise<void>;
}

/** @param http URL of its HTTP service. */
export async function joinCluster(
  { store }: QueueOptions,
  coordinator: Coordinator,
  { address, http }: { address: string; http: string | undefined },
  log: ClusterLog,
): Promise<ClusterView> {
  const id = randomBytes(8).toString('hex');
  const startedAt = performance.now();
  const tell = (): Announcement => ({
    id,
    machine: hostname(),
    address,
    http: http ?? null,
    version: VERSION,
    protocol: PROTOCOL,
    ...loadOf(coordinator),
    uptimeMs: Math.round(performance.now() - startedAt),
  });
  if (typeof store === 'string' || !('cluster' in store))
    return {
      document: () => Promise.resolve(documentOf('', true, [tell()], id)),
      leave: () => Promise.resolve(),
    };
  const where = clusterInWords(store.cluster);
  const connection = await ClusterConnection.open(store.cluster, NAME, quiet(log));
  try {
    const announcements = await patiently(() => Announcements.open(connection, store.replicas));
    const withdraw = await patiently(() => announcements.announce(id, tell, log));
    return {
      document: async () => {
        const others = connection.isConnected ? await otherThan(id, announcements, log) : undefined;
        return documentOf(where, others !== undefined, [...(others ?? []), tell()], id);
      },
      leave: once(async () => {
        await withdraw();
        await connection.close();
      }),
    };
  } catch (error) {
    await connection.close();
    const words = `this coordinator cannot be announced at ${where}: ${messageOf(error)}`;
    throw error instanceof PoolError ? error : new PoolError('unavailable', words, { cause: error });
  }
}

/** Undefined where NATS does not say. */
async function otherThan(
  id: string,
  announcements: Announcements,
  log: ClusterLog,
): Promise<Announcement[] | undefined> {
  try {
    return (await announcements.list()).filter((each) => each.id !== id);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'NATS did not say which coordinators there are');
    return undefined;
  }
}

function loadOf({ members, leases, waiting }: Coordinator) {
  const tags = new Set(members.all.flatMap(({ info }) => info.tags));
  return {
    workers: members.all.length,
    slots: members.slots,
    busy: leases,
    waiting,
    tags: [...tags].sort(),
  };
}

function documentOf(
  store: string,
  connected: boolean,
  coordinators: readonly Announcement[],
  asked: string,
): ClusterDocument__Output {
  return {
    store,
    connected,
    coordinators: [...coordinators].sort(byPlace).map(({ http, ...member }) => ({
      ...member,
      tags: [...member.tags],
      httpAddress: http ?? '',
      asked: member.id === asked,
    })),
  };
}

function byPlace(a: Announcement, b: Announcement): number {
  return a.machine.localeCompare(b.machine) || a.address.localeCompare(b.address, 'en', { numeric: true });
}
