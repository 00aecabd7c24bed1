import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { NatsCluster } from '../test/support/nats.js';
import { killNow, Sandbox } from '../test/support/sandbox.js';
import { PoolUnderTest } from './pool-under-test.js';
import { Proxy } from './proxy.js';
import type { Random } from './random.js';

export const CLUSTER_FAULTS = [
  'kill-node',
  'kill-coordinator',
  'freeze-coordinator',
  'cut-off-coordinator',
  'restart-all',
] as const;
export type ClusterFault = (typeof CLUSTER_FAULTS)[number];

/** Longer than what a coordinator that says nothing is waited for, in ms. */
const [LONG_LEAST_MS, LONG_MOST_MS] = [11_000, 14_000];

/** One coordinator with its worker, as if on a machine of its own: it reaches NATS by ways that can be cut. */
interface Machine {
  sandbox: Sandbox;
  pool: PoolUnderTest;
  ways: Proxy[];
}

/** Three machines that share a NATS cluster. */
export class ClusterUnderTest {
  readonly #nats: NatsCluster;
  readonly #machines: Machine[];

  private constructor(nats: NatsCluster, machines: Machine[]) {
    this.#nats = nats;
    this.#machines = machines;
  }

  static async start(nats: NatsCluster): Promise<ClusterUnderTest> {
    const machines: Machine[] = [];
    for (let count = 0; count < 3; count++) machines.push(await machineFor(nats));
    return new ClusterUnderTest(nats, machines);
  }

  /** Of the coordinators, each with its token. */
  get addresses(): { address: string; token: string }[] {
    return this.#machines.map(({ pool, sandbox }) => {
      return { address: `127.0.0.1:${pool.port}`, token: sandbox.token };
    });
  }

  /** Does harm, and mends it. @returns what it was. */
  async harm(kind: ClusterFault, random: Random): Promise<string> {
    const node = this.#nats.node(random.whole(0, 2));
    const machine = this.#machines[random.whole(0, 2)] as Machine;
    switch (kind) {
      case 'kill-node':
        await node.kill();
        await delay(random.between(500, 3_000));
        await node.start();
        break;
      case 'kill-coordinator':
        await lose(machine);
        await machine.pool.restart();
        break;
      case 'freeze-coordinator': {
        const processes = machine.sandbox.processes();
        for (const { pid } of processes) process.kill(pid, 'SIGSTOP');
        await delay(random.between(LONG_LEAST_MS, LONG_MOST_MS));
        for (const { pid } of processes) process.kill(pid, 'SIGCONT');
        break;
      }
      case 'cut-off-coordinator':
        for (const way of machine.ways) way.refuse();
        await delay(random.between(LONG_LEAST_MS, LONG_MOST_MS));
        for (const way of machine.ways) way.heal();
        break;
      case 'restart-all':
        await Promise.all(this.#machines.map(lose));
        await this.#nats.stop();
        await this.#nats.start();
        await Promise.all(this.#machines.map(({ pool }) => pool.restart()));
        break;
    }
    return kind;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sandbox, ways } of this.#machines) {
      for (const way of ways) way.close();
      await sandbox[Symbol.asyncDispose]();
    }
  }
}

async function machineFor(nats: NatsCluster): Promise<Machine> {
  const sandbox = new Sandbox();
  const ways = nats.nodes.map(({ port }) => new Proxy({ host: '127.0.0.1', port }));
  const ports = await Promise.all(ways.map((way) => way.listen(0)));
  const store = `nats://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
  const pool = await PoolUnderTest.start(sandbox, {
    main: resolve('dist/cli/main.js'),
    workers: 1,
    slots: 2,
    env: {},
    args: ['--store', store, '--store-replicas', '3', '--no-http'],
  });
  return { sandbox, pool, ways };
}

/** Coordinator and workers at once. */
async function lose({ sandbox, pool }: Machine): Promise<void> {
  for (const { pid } of sandbox.processes()) killNow(pid);
  await pool.kill();
}
