import { describe, expect } from '@jest/globals';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { NATS_SERVER, type NatsNode, startNats } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';

const natsTest = testWith(NATS_SERVER);

async function greeting(node: NatsNode): Promise<Record<string, unknown>> {
  const socket = createConnection(node.port, '127.0.0.1');
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return JSON.parse(data.toString().replace(/^INFO /, '')) as Record<string, unknown>;
}

describe('the servers of the cluster tests', () => {
  natsTest('one stands alone, with JetStream', async () => {
    await using sandbox = new Sandbox();
    await using nats = await startNats(sandbox);
    expect(await greeting(nats.node(0))).toMatchObject({ server_name: 'n1', jetstream: true });
  });

  natsTest('three are a cluster, and one of them comes back after it was killed', async () => {
    await using sandbox = new Sandbox();
    await using nats = await startNats(sandbox, { nodes: 3 });
    await nats.node(1).kill();
    await nats.node(1).start();
    expect(await greeting(nats.node(1))).toMatchObject({ server_name: 'n2', cluster: 'test' });
  });
});
