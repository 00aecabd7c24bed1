import { hostname } from 'node:os';
import { Kvm } from '@nats-io/kv';
import { connect as connectNats } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { connect, type PoolError } from 'offhand';
import { PROTOCOL } from '../../src/wire/protocol.js';
import { offhand } from '../support/cli.js';
import { HttpCaller } from '../support/http.js';
import { NATS_SERVER, type NatsCluster, startNats } from '../support/nats.js';
import { isThere, testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

const natsTest = testWith(NATS_SERVER);
const canRun = isThere(NATS_SERVER) || process.env['CI'] === 'true';

interface Cluster {
  store: string | null;
  connected: boolean;
  coordinators: { address: string; asked: boolean; workers: number; slots: number; tags: string[] }[];
}

describe('coordinators that share a NATS cluster', () => {
  const sandbox = new Sandbox();
  let nats!: NatsCluster;
  let first!: TestServer;
  let second!: TestServer;

  const start = (...args: string[]) =>
    startServer(sandbox, ['1', '--no-profile', '--store', nats.url(), ...args]);

  const clusterAt = async ({ address }: TestServer): Promise<Cluster> => {
    const shown = await offhand(sandbox, ['status', '--cluster', '--json', '--address', address]);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    return JSON.parse(shown.stdout) as Cluster;
  };

  beforeAll(async () => {
    if (!canRun) return;
    nats = await startNats(sandbox, {
      login: 'secret-of-the-cluster',
      config: 'authorization { token: secret-of-the-cluster }',
    });
    [first, second] = await Promise.all([start('--http'), start('--slots', '2', '--tag', 'gpu')]);
  }, 60_000);

  afterAll(() => sandbox[Symbol.asyncDispose]());

  natsTest('each knows all of them, by command and over HTTP, without the secret of the store', async () => {
    const { store, connected, coordinators } = await clusterAt(first);
    expect({ store, connected }).toEqual({ store: `nats://${nats.node(0).address}`, connected: true });
    expect(coordinators).toHaveLength(2);
    expect(coordinators.find(({ address }) => address === first.address)).toMatchObject({
      asked: true,
      workers: 1,
      slots: 1,
      tags: [],
    });
    expect(coordinators.find(({ address }) => address === second.address)).toMatchObject({
      asked: false,
      slots: 2,
      tags: ['gpu'],
    });
    const http = new HttpCaller(first.http, first.token);
    const { body } = await http.ask('/v1/cluster');
    const told = (body as unknown as Cluster).coordinators.map(({ address }) => address);
    expect(told.sort()).toEqual([first.address, second.address].sort());
    expect(JSON.stringify(body)).not.toContain('secret-of-the-cluster');
  });

  natsTest('status --cluster is a row for each, and a sum', async () => {
    const { stdout } = await offhand(sandbox, ['status', '--cluster', '--address', second.address]);
    expect(stdout).toContain(`${second.address} (asked)`);
    expect(stdout).toContain(first.address);
    expect(stdout).toContain('2 coordinators, 2 workers, 0 of 3 slots busy\n');
    expect(stdout).toContain(`they share nats://${nats.node(0).address}\n`);
  });

  natsTest('commands and programs find one of them by the address of the cluster', async () => {
    const status = await offhand(sandbox, ['status', '--json', '--address', nats.url()]);
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect((JSON.parse(status.stdout) as { workers: unknown[] }).workers).toHaveLength(1);
    const pool = await connect(nats.url(), { token: first.token });
    expect(await pool.run((a: number, b: number) => a + b, 2, 3)).toBe(5);
    await pool.close();
  });

  natsTest('one that stops is not shown any more, and one that was killed soon', async () => {
    const third = await start();
    const fourth = await start();
    expect((await clusterAt(first)).coordinators).toHaveLength(4);
    await third.stop();
    expect((await clusterAt(first)).coordinators).toHaveLength(3);
    fourth.kill();
    await waitFor(
      'the killed one to be forgotten',
      async () => (await clusterAt(first)).coordinators.length === 2,
    );
  });

  natsTest('a pool without a shared store is shown by itself', async () => {
    await using alone = new Sandbox();
    const server = await startServer(alone, ['1', '--no-profile']);
    const shown = await offhand(alone, ['status', '--cluster']);
    expect(shown.stdout).toContain('1 coordinator, 1 worker, 0 of 1');
    expect(shown.stdout).toContain('it shares no store: it was started without --store nats://…\n');
    await server.stop();
  });

  natsTest('while NATS is away a coordinator says so, and knows of itself', async () => {
    await nats.node(0).kill();
    const lost = await waitFor('the loss to be noticed', async () => {
      const cluster = await clusterAt(first);
      return cluster.connected ? undefined : cluster;
    });
    expect(lost.coordinators.map(({ address }) => address)).toEqual([first.address]);
    await nats.node(0).start();
    await waitFor('both to be known again', async () => {
      const cluster = await clusterAt(first);
      return cluster.connected && cluster.coordinators.length === 2;
    });
  });

  natsTest(
    'a client takes those that speak as it does, and says in a sentence that there are none',
    async () => {
      const other = await startNats(sandbox);
      const connection = await connectNats({ servers: other.node(0).address });
      const bucket = await new Kvm(connection).create('OFFHAND_COORDINATORS');
      const newer = {
        format: 1,
        id: 'n',
        machine: hostname(),
        address: '127.0.0.1:1',
        version: '9.0.0',
        protocol: 99,
      };
      await bucket.put('n', JSON.stringify(newer));
      const refused = () => connect(other.url(), { token: first.token }).catch((error: unknown) => error);
      expect(await refused()).toMatchObject({
        code: 'version-mismatch',
        message: expect.stringMatching(
          /^the coordinators there run offhand 9\.0\.0, and this is /,
        ) as unknown,
      });
      const ours = { ...newer, id: 'o', address: first.address, protocol: PROTOCOL };
      await bucket.put('o', JSON.stringify(ours));
      await bucket.put('p', JSON.stringify({ format: 99 }));
      const pool = await connect(other.url(), { token: first.token });
      expect(await pool.run(() => 'ours')).toBe('ours');
      await pool.close();
      await connection.close();
    },
  );

  natsTest('what is wrong with the address of a cluster is said in one sentence', async () => {
    const refusal = async (address: string) => {
      const refused = connect(address, { token: first.token }).then(
        () => new Error('connected'),
        (error: PoolError) => error,
      );
      const { code, message } = (await within(20_000, address, refused)) as PoolError;
      return `${code}: ${message}`;
    };
    expect(await refusal('nats://')).toMatch(/^invalid-argument: address: expected nats:\/\/HOST:PORT/);
    expect(await refusal(`nats://wrong@${nats.node(0).address}`)).toMatch(
      /^unauthenticated: NATS at nats:\/\/127\.0\.0\.1:\d+ refuses this login/,
    );
    expect(await refusal('nats://127.0.0.1:1')).toMatch(/^unavailable: nobody answers for NATS at nats:/);
    const empty = await startNats(sandbox);
    expect(await refusal(empty.url())).toMatch(/^unavailable: no coordinator has ever been at nats:/);
    expect(await offhand(sandbox, ['status', '--address', 'nats://127.0.0.1:1'])).toMatchObject({ code: 1 });
  });
});
