import { Command, MAIN } from './cli.js';
import type { Sandbox } from './sandbox.js';
import { randomPorts, type TestServer } from './server.js';
import { waitFor } from './wait.js';

/** Workers started by `offhand worker`, as a user does. */
export class TestCrew extends Command {
  constructor(sandbox: Sandbox, args: string[], env: NodeJS.ProcessEnv = {}) {
    super(process.execPath, [MAIN, 'worker', ...args], sandbox, env);
  }

  /** The names that its workers were given, in the order in which they came. */
  get workers(): string[] {
    return [...this.stdout.matchAll(/^(worker-\d+) belongs to the pool at/gm)].map(([, name]) => name ?? '');
  }

  /** Where its workers wait to be found. */
  get waitingAt(): string[] {
    return [...this.stdout.matchAll(/^a worker waits at (\S+) to be found/gm)].map(([, at]) => at ?? '');
  }

  /** Resolves when so many have attached, one way or another. @throws Error with its output when it ends before. */
  async whenAttached(count = 1): Promise<this> {
    await this.#when(`${count} workers to attach`, () => this.workers.length >= count);
    return this;
  }

  async whenWaiting(count = 1): Promise<this> {
    await this.#when(`${count} workers to wait`, () => this.waitingAt.length >= count);
    return this;
  }

  async #when(what: string, isTrue: () => boolean): Promise<void> {
    let hasEnded = false;
    void this.ended.then(() => (hasEnded = true));
    await waitFor(`${what} (${this.output})`, () => hasEnded || isTrue());
    if (!isTrue()) throw new Error(`ended before ${what}: ${this.output}`);
  }
}

/** Workers that join a pool, on ports of their own. */
export async function join(server: TestServer, args: string[] = [], count = 1): Promise<TestCrew> {
  const { workerPorts } = randomPorts();
  const where = ['--join', server.address, '--count', String(count), '--worker-ports', workerPorts];
  return new TestCrew(server.sandbox, [...where, ...args]).whenAttached(count);
}
