import { randomInt } from 'node:crypto';
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Command, type Ended } from './cli.js';
import type { Sandbox } from './sandbox.js';
import { waitFor } from './wait.js';

/** Tests that need it are `testWith(NATS_SERVER)`; `npm test` installs it where it can. */
export const NATS_SERVER = 'nats-server';

const TAKEN = /address already in use/;

export interface NatsOptions {
  /** @default 1 */
  nodes?: number;
  /** Further lines of every node's configuration file. */
  config?: string;
  /** `user:password` or a token, as they stand in the URL. */
  login?: string;
  /** Without it the servers have no JetStream. @default true */
  jetStream?: boolean;
}

interface NodePlan {
  name: string;
  folder: string;
  port: number;
  monitor: number;
  config: string;
}

/** One nats-server with a folder of its own. It may be ended and started again, on the same ports and the same folder. */
export class NatsNode {
  readonly name: string;
  readonly port: number;
  readonly #plan: NodePlan;
  readonly #sandbox: Sandbox;
  #command: Command;

  constructor(sandbox: Sandbox, plan: NodePlan) {
    this.name = plan.name;
    this.port = plan.port;
    this.#plan = plan;
    this.#sandbox = sandbox;
    mkdirSync(plan.folder, { recursive: true });
    writeFileSync(join(plan.folder, 'nats.conf'), plan.config);
    this.#command = this.#spawn();
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#command.pid;
  }

  get log(): string {
    return this.#command.output;
  }

  /** Ends it at once, as a loss of power to the process does. */
  async kill(): Promise<Ended> {
    this.#command.kill();
    return this.#command.ended;
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<Ended> {
    this.#command.signal('SIGTERM');
    return this.#command.ended;
  }

  /** SIGSTOP and SIGCONT: it holds its connections and says nothing. */
  freeze(): void {
    this.#command.signal('SIGSTOP');
  }

  thaw(): void {
    this.#command.signal('SIGCONT');
  }

  /** Starts it again after it has ended; resolves when it takes part. */
  async start(): Promise<void> {
    this.#command = this.#spawn();
    await this.whenReady();
  }

  /** Resolves when it, and where it is one of several the leader of their streams, can be used. */
  async whenReady(): Promise<void> {
    let end: Ended | undefined;
    void this.#command.ended.then((ended) => (end = ended));
    await waitFor(`nats-server ${this.name} to be ready`, async () => end ?? (await this.#isHealthy()));
    if (end) throw new Error(`nats-server ${this.name} ended (${end.signal ?? end.code}): ${this.log}`);
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#plan.monitor}/healthz`);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false; // It does not listen yet.
    }
  }

  #spawn(): Command {
    return new Command(NATS_SERVER, ['-c', join(this.#plan.folder, 'nats.conf')], this.#sandbox);
  }
}

/** Real nats-servers on loopback, by themselves or as one cluster. They end with their sandbox. */
export class NatsCluster {
  readonly nodes: NatsNode[];
  readonly #login: string;

  constructor(nodes: NatsNode[], login?: string) {
    this.nodes = nodes;
    this.#login = login === undefined ? '' : `${login}@`;
  }

  /** What `--store` takes: all nodes, or those given. */
  url(nodes = this.nodes): string {
    return `nats://${this.#login}${nodes.map(({ address }) => address).join(',')}`;
  }

  node(index: number): NatsNode {
    const node = this.nodes[index];
    if (!node) throw new Error(`there are ${this.nodes.length} nodes, and none with the number ${index}`);
    return node;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Starts all nodes again after `stop` or `kill`. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }
}

/** Starts nats-servers on free ports; resolves when they can be used. */
export async function startNats(sandbox: Sandbox, options: NatsOptions = {}): Promise<NatsCluster> {
  for (let attempt = 1; ; attempt++) {
    const nodes = (await plans(sandbox, options)).map((plan) => new NatsNode(sandbox, plan));
    try {
      await Promise.all(nodes.map((node) => node.whenReady()));
      return new NatsCluster(nodes, options.login);
    } catch (error) {
      await Promise.all(nodes.map((node) => node.kill()));
      if (attempt === 5 || !nodes.some(({ log }) => TAKEN.test(log))) throw error;
    }
  }
}

async function plans(sandbox: Sandbox, options: NatsOptions): Promise<NodePlan[]> {
  const { nodes = 1, jetStream = true, config = '' } = options;
  const ports = await freePorts(nodes * 3);
  const routes = ports.slice(nodes, 2 * nodes);
  const home = mkdtempSync(join(sandbox.dir, 'nats-'));
  return Array.from({ length: nodes }, (_, index) => {
    const name = `n${index + 1}`;
    const folder = join(home, name);
    const [port = 0, route = 0, monitor = 0] = [0, 1, 2].map((kind) => ports[kind * nodes + index]);
    const lines = [
      `server_name: ${name}`,
      `listen: 127.0.0.1:${port}`,
      `http: 127.0.0.1:${monitor}`,
      jetStream && `jetstream { store_dir: ${JSON.stringify(folder)} }`,
      nodes > 1 &&
        `cluster { name: test, no_advertise: true, listen: 127.0.0.1:${route}, routes: [${routes.map((each) => `nats://127.0.0.1:${each}`).join(', ')}] }`,
      config,
    ];
    return { name, folder, port, monitor, config: lines.filter(Boolean).join('\n') };
  });
}

/** Ports below those that the kernel hands out by itself, on which nobody listens at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_500, 32_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
