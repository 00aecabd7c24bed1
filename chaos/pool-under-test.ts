import { connect } from 'node:net';
import { Command } from '../test/support/cli.js';
import { Caller, COORDINATOR, type StatusDocument } from '../test/support/rpc.js';
import type { Sandbox } from '../test/support/sandbox.js';
import { randomPorts } from '../test/support/server.js';
import { waitFor } from '../test/support/wait.js';

/** Short, so that there are many losses in a run; long enough for a coordinator to be started again where nobody else is busy. */
const WORKER_TIMEOUT_MS = 4_000;
const HEARTBEAT = '200ms';

export interface PoolSettings {
  /** The command: dist/cli/main.js, or that of a broken build. */
  main: string;
  workers: number;
  slots: number;
  env: NodeJS.ProcessEnv;
  /**
   * The `--worker-timeout` of the first coordinator, in ms, where it is to be another one than that of all later ones: then its
   * workers wait for it as long, however busy the machine.
   */
  firstTimeoutMs?: number;
  /** Flags of Node, for the coordinator. */
  nodeArgs?: readonly string[];
  /** Further flags of the server. */
  args?: readonly string[];
}

/** `offhand server`, as a user starts it, and starts it again when it has been killed. */
export class PoolUnderTest {
  readonly #sandbox: Sandbox;
  readonly #settings: PoolSettings;
  readonly #ports = randomPorts(100);
  #server: Command;
  /** For how long workers wait for the coordinator that runs now, or ran last, in ms. */
  #timeoutMs: number;

  private constructor(sandbox: Sandbox, settings: PoolSettings) {
    this.#sandbox = sandbox;
    this.#settings = settings;
    this.#timeoutMs = settings.firstTimeoutMs ?? WORKER_TIMEOUT_MS;
    this.#server = this.#launch();
  }

  static async start(sandbox: Sandbox, settings: PoolSettings): Promise<PoolUnderTest> {
    const pool = new PoolUnderTest(sandbox, settings);
    await pool.#whenUp();
    return pool;
  }

  get port(): number {
    return Number(this.#ports.port);
  }

  /** Of the coordinator. */
  get pid(): number {
    return this.#server.pid;
  }

  /** Without a word of the coordinator for so long, in ms, its workers begin nothing more under its leases. */
  get workerTimeoutMs(): number {
    return this.#timeoutMs;
  }

  /** What the coordinator has printed. */
  get output(): string {
    return this.#server.output;
  }

  /** The processes of its workers, oldest first. */
  get workerPids(): number[] {
    const workers = this.#sandbox.processes().filter(({ command }) => command.includes('worker/process.js'));
    return workers.map(({ pid }) => pid).sort((a, b) => a - b);
  }

  async status(): Promise<StatusDocument & { wanted: number }> {
    using caller = new Caller(`127.0.0.1:${this.port}`, COORDINATOR, { token: this.#sandbox.token });
    return (await caller.status()) as StatusDocument & { wanted: number };
  }

  async kill(): Promise<void> {
    this.#server.kill();
    await this.#server.ended;
  }

  /** On the port that it had. */
  async restart(): Promise<void> {
    this.#timeoutMs = WORKER_TIMEOUT_MS;
    this.#server = this.#launch();
    await this.#whenUp();
  }

  /** Asks it to stop. Returns how it ended. */
  async stop(): Promise<string> {
    this.#server.signal('SIGTERM');
    const { code, signal } = await this.#server.ended;
    return code === 0 ? 'code 0' : `${signal ?? `code ${code}`}: ${this.#server.output}`;
  }

  #launch(): Command {
    const { main, workers, slots, env, nodeArgs = [], args = [] } = this.#settings;
    const { port, workerPorts } = this.#ports;
    return new Command(
      process.execPath,
      [
        ...nodeArgs,
        ...[main, 'server', String(workers), '--slots', String(slots)],
        ...['--port', port, '--worker-ports', workerPorts, '--no-profile'],
        ...['--heartbeat-interval', HEARTBEAT, '--worker-timeout', `${this.#timeoutMs}ms`],
        ...['--drain-timeout', '5s'],
        ...['--pass-env', 'CHAOS_*'],
        ...args,
      ],
      this.#sandbox,
      env,
    );
  }

  /** As soon as it listens: that all workers are there is waited for elsewhere. */
  async #whenUp(): Promise<void> {
    const server = this.#server;
    let hasEnded = false;
    void server.ended.then(() => (hasEnded = true));
    await waitFor('the coordinator to listen', () => {
      if (hasEnded) throw new Error(`the server ended: ${server.output}`);
      return isListening(this.port);
    });
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
