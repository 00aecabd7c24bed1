import { randomInt } from 'node:crypto';
import { Command, type Ended, MAIN } from './cli.js';
import { Caller, COORDINATOR, type StatusDocument } from './rpc.js';
import type { Sandbox } from './sandbox.js';
import { waitFor } from './wait.js';

const COLLISION = /is taken|no port from|is free for a worker/;

/** A block of ports below those that the kernel hands out by itself: the first one, and the rest as a range. */
export function randomPorts(count = 20): { port: string; workerPorts: string } {
  const first = randomInt(10_500, 32_000);
  return { port: String(first), workerPorts: `${first + 1}-${first + count - 1}` };
}

/** A pool started by `offhand server`, as a user does. */
export class TestServer extends Command {
  readonly sandbox: Sandbox;

  /** @param node the program that runs it. */
  constructor(sandbox: Sandbox, args: string[], env: NodeJS.ProcessEnv = {}, node = process.execPath) {
    super(node, [MAIN, 'server', ...args], sandbox, env);
    this.sandbox = sandbox;
  }

  /** Resolves when the pool says that it is up. @throws Error with all its output when it ends before. */
  async whenReady(): Promise<this> {
    let end: Ended | undefined;
    void this.ended.then((ended) => (end = ended));
    await waitFor(
      `the server to come up (${this.output})`,
      () => end ?? / {2}to stop .*\n/.test(this.stdout),
    );
    if (end) throw new Error(`the server ended (${end.signal ?? `code ${end.code}`}): ${this.output}`);
    return this;
  }

  get address(): string {
    return this.#printed(/^ {2}coordinator +(\S+)$/m);
  }

  get port(): number {
    return Number(this.address.split(':').at(-1));
  }

  /** Ports of the workers by name, as printed. */
  get workerPorts(): Map<string, number> {
    const list = this.#printed(/^ {2}workers +(.+)$/m).split(', ');
    return new Map(list.map((item) => [item.split(' ')[0] ?? '', Number(item.split(' ')[1])]));
  }

  /** URL of the HTTP service, as printed. */
  get http(): string {
    return this.#printed(/^ {2}http +(\S+)$/m);
  }

  get profile(): string {
    return this.#printed(/^ {2}profile +(.+)$/m);
  }

  get token(): string {
    return this.sandbox.token;
  }

  /** A caller with the token; close it by disposal. */
  caller(clientId?: string): Caller {
    return new Caller(this.address, COORDINATOR, { token: this.token, clientId });
  }

  async status(): Promise<StatusDocument> {
    using caller = this.caller();
    return await caller.status();
  }

  /** How many requests for a lease wait, as the metrics say; of one that was started with `--http`. */
  async requestsWaiting(): Promise<number> {
    const headers = { Authorization: `Bearer ${this.token}` };
    const text = await (await fetch(`${this.http}/metrics`, { headers })).text();
    return Number(/^offhand_requests_waiting (\d+)$/m.exec(text)?.[1]);
  }

  /** Asks it to stop, and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.signal(signal);
    return this.ended;
  }

  #printed(pattern: RegExp): string {
    const text = pattern.exec(this.stdout)?.[1];
    if (text === undefined) throw new Error(`expected ${pattern} in: ${this.output}`);
    return text;
  }
}

/** Starts a pool on a random block of ports, on another one where somebody was there first. */
export async function startServer(
  sandbox: Sandbox,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  node = process.execPath,
): Promise<TestServer> {
  for (let attempt = 1; ; attempt++) {
    const { port, workerPorts } = randomPorts();
    // Few tests speak HTTP, and all of them would take the ports from 5000 on.
    const http = args.includes('--http') ? ['--http-port', String(Number(port) + 20)] : ['--no-http'];
    const given = args.some((arg) => arg.startsWith('--http-port'));
    const flags = [...args, ...(given ? [] : http), '--port', port, '--worker-ports', workerPorts];
    const server = new TestServer(sandbox, flags, env, node);
    try {
      return await server.whenReady();
    } catch (error) {
      server.kill();
      if (attempt === 5 || !COLLISION.test(server.stderr)) throw error;
    }
  }
}
