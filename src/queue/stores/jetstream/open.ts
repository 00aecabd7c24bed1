import { ClusterConnection, type ClusterLog } from '../../../cluster/connection.js';
import type { ClusterAddress } from '../../../wire/cluster-address.js';
import { JetStreamTaskStore } from './store.js';

/** By which administrators of NATS know a coordinator's connection. */
const NAME = 'offhand coordinator';

/** @throws PoolError in one sentence */
export async function openJetStream(
  address: ClusterAddress,
  replicas: number,
  log: ClusterLog,
): Promise<JetStreamTaskStore> {
  const connection = await ClusterConnection.open(address, NAME, log);
  try {
    return await JetStreamTaskStore.open({ connection, replicas, log });
  } catch (error) {
    await connection.close();
    throw error;
  }
}
