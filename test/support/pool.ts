import { afterAll, afterEach, beforeAll } from '@jest/globals';
import {
  type Caller,
  codeRequest,
  type Lease,
  runCode,
  type RunCodeResponse,
  type StatusDocument,
} from './rpc.js';
import { Sandbox } from './sandbox.js';
import { startServer, type TestServer } from './server.js';

/** One pool for all tests of a file, and the calls of a client that knows proto/ alone. */
export class PoolFixture {
  readonly sandbox = new Sandbox();
  readonly #taken: Lease[] = [];
  server!: TestServer;
  caller!: Caller;

  constructor(args: string[]) {
    beforeAll(async () => {
      this.server = await startServer(this.sandbox, args);
      this.caller = this.server.caller('the-test');
    }, 40_000);

    afterEach(async () => {
      for (const lease of this.#taken.splice(0)) await this.caller.freeWorker(lease);
    });

    afterAll(async () => {
      this.caller[Symbol.dispose]();
      await this.server.stop();
      await this.sandbox[Symbol.asyncDispose]();
    });
  }

  /** A lease that is given back when the test is over. */
  async take(options: { deadlineMs?: number } = {}): Promise<Lease> {
    const lease = await this.caller.findFreeWorker(options);
    this.#taken.push(lease);
    return lease;
  }

  /** Runs a function with JSON arguments; `more` are further fields of the request. */
  run(lease: Lease, source: string, args: unknown[] = [], more: object = {}, signal?: AbortSignal) {
    const request = { ...codeRequest(lease, source, args), ...more };
    return this.send(lease, request, signal);
  }

  /** Sends a request of RunCode as it is. */
  send(lease: Lease, request: object, signal?: AbortSignal): Promise<RunCodeResponse> {
    return runCode(this.server.token, lease, request, signal ? { signal } : {});
  }

  status(): Promise<StatusDocument> {
    return this.caller.status();
  }

  /** How many callers wait for a worker. */
  async waiting(): Promise<number> {
    return (await this.status()).queue.pending;
  }
}
