import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { parseClusterAddress } from '../../src/cluster/address.js';
import type { ClusterLog } from '../../src/cluster/connection.js';
import { openJetStream } from '../../src/queue/stores/jetstream/open.js';
import type { JetStreamTaskStore } from '../../src/queue/stores/jetstream/store.js';
import type { NatsCluster } from './nats.js';

/** What a store of a cluster logs. */
export class TestLog implements ClusterLog {
  readonly lines: string[] = [];

  info(_facts: object, message: string): void {
    this.lines.push(message);
  }

  warn(_facts: object, message: string): void {
    this.lines.push(message);
  }

  error(facts: { err?: unknown }, message: string): void {
    this.lines.push(`${message}: ${String(facts.err)}`);
  }
}

export function openStore(
  nats: NatsCluster,
  replicas = 1,
  log: ClusterLog = new TestLog(),
): Promise<JetStreamTaskStore> {
  return openJetStream(parseClusterAddress(nats.url(), 'the test'), replicas, log);
}

/** Everything that offhand keeps there is gone. */
export async function clear(nats: NatsCluster): Promise<void> {
  const connection = await connect({ servers: nats.nodes.map(({ address }) => address) });
  try {
    const { streams } = await jetstreamManager(connection);
    for await (const { config } of streams.list()) await streams.delete(config.name);
  } finally {
    await connection.close();
  }
}
