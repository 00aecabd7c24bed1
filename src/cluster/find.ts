import { hostname } from 'node:os';
import { messageOf, PoolError } from '../core/errors.js';
import { nearestFirst } from '../core/nearest.js';
import { type ClusterAddress, clusterInWords } from './address.js';
import { type Announcement, isLocal } from './announcement.js';
import { Announcements } from './announcements.js';
import { ClusterConnection, type ClusterLog } from './connection.js';
import { patiently } from './patiently.js';

/** Whoever asks once hears of what is wrong by what is thrown. */
const SILENT: ClusterLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * The coordinators that share a NATS cluster and can be reached from this machine, the nearest first.
 *
 * @throws PoolError in one sentence: what opening a connection throws, `unavailable` where nobody is there
 */
export async function findCoordinators(address: ClusterAddress): Promise<Announcement[]> {
  const where = clusterInWords(address);
  const connection = await ClusterConnection.open(address, 'offhand client', SILENT);
  try {
    const there = await patiently(async () => (await Announcements.find(connection, where)).list());
    const places = there.map((each) => ({ ...each, isLocal: isLocal(each) }));
    const found = nearestFirst(places, hostname(), Math.random);
    if (found.length > 0) return found;
    throw new PoolError(
      'unavailable',
      there.length === 0
        ? `no coordinator is at ${where} now; start one with \`offhand server --store ${where}\``
        : `no coordinator at ${where} can be reached from this machine: ${there.map(({ machine }) => machine).join(', ')} listen on themselves alone; start them with --host and TLS (docs/cluster.md)`,
    );
  } catch (error) {
    if (error instanceof PoolError) throw error;
    throw new PoolError('unavailable', `NATS at ${where} does not answer: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await connection.close();
  }
}
