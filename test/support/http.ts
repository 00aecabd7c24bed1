import { request } from 'node:http';
import { afterAll, beforeAll } from '@jest/globals';
import { HttpCaller } from './http-caller.js';
import { Sandbox } from './sandbox.js';
import { startServer, type TestServer } from './server.js';

export {
  type Answer,
  type Asked,
  HttpCaller,
  NO_TASK,
  NO_WORKER,
  type Route,
  routesOf,
} from './http-caller.js';

/** One pool for all tests of a file. */
export class HttpFixture {
  readonly sandbox = new Sandbox();
  server!: TestServer;
  http!: HttpCaller;

  /** @param before what has to be done in the sandbox before the server starts. */
  constructor(args: string[], before: (sandbox: Sandbox) => Promise<void> = async () => undefined) {
    beforeAll(async () => {
      await before(this.sandbox);
      this.server = await startServer(this.sandbox, [...args, '--no-profile', '--http']);
      this.http = new HttpCaller(this.server.http, this.server.token);
    }, 40_000);
    afterAll(async () => {
      await this.server.stop();
      await this.sandbox[Symbol.asyncDispose]();
    });
  }
}

/** A request whose headers are exactly these, which `fetch` does not allow. @returns the status */
export function statusWith(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.once('error', reject);
    call.end();
  });
}
