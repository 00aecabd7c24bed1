import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { withResolvers } from '../../core/with-resolvers.js';
import { bearerOf, TokenCheck } from '../../wire/access.js';
import type { Credentials } from '../../wire/credentials.js';
import type { ValueReference } from '../../wire/generated/offhand/v1/ValueReference.js';
import { claimSocket, releaseSocket } from '../../host/sockets.js';
import type { Payload } from '../../wire/values/payload.js';

let servers = 0;

/**
 * Hands out this client's large arguments to the slots that come for them, by HTTP on a socket in this user's private folder. A
 * value can be had by whoever knows its key, which goes to one slot alone, for as long as its task is not settled. Listens
 * while there is something to hand out.
 */
export class ValueServer {
  readonly #check: TokenCheck | undefined;
  readonly #values = new Map<string, Uint8Array>();
  #server: { address: string; http: Server; bound: Promise<void> } | undefined;

  constructor({ token }: Pick<Credentials, 'token'>) {
    this.#check = token === undefined ? undefined : new TokenCheck(token);
  }

  /** Listens, if it does not yet. Where that is not possible it offers nothing: values go along with their tasks. */
  async open(): Promise<void> {
    if (!this.#server) {
      const address = claimSocket('client', servers++);
      if (address === undefined) return;
      // Whoever keeps a connection decides when it ends: one that was closed here might have been asked at that instant.
      const http = createServer({ keepAliveTimeout: 0 }, (request, response) =>
        this.#answer(request, response),
      );
      this.#server = { address, http, bound: listen(http, address) };
    }
    const server = this.#server;
    try {
      await server.bound;
    } catch {
      if (this.#server === server) this.close();
    }
  }

  /** Makes a value available; undefined while this server does not listen. */
  offer({ encoding, data }: Payload): ValueReference | undefined {
    if (!this.#server) return undefined;
    const key = randomBytes(16);
    this.#values.set(key.toString('hex'), data);
    return { address: this.#server.address, key, encoding, bytes: data.length };
  }

  /** Nobody may have this value any more. */
  withdraw(reference: ValueReference | undefined): void {
    if (reference) this.#values.delete((reference.key as Buffer).toString('hex'));
  }

  /** Stops listening, and hangs up: a connection that stays keeps its process alive. */
  close(): void {
    const server = this.#server;
    this.#server = undefined;
    this.#values.clear();
    if (!server) return;
    server.http.close();
    server.http.closeAllConnections();
    releaseSocket(server.address);
  }

  #answer({ headers, method, url }: IncomingMessage, response: ServerResponse): void {
    if (this.#check && this.#check.accessOf(bearerOf(headers.authorization)) !== 'full')
      return void response.writeHead(401).end();
    const data = method === 'GET' ? this.#values.get(url?.slice(1) ?? '') : undefined;
    if (!data) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': data.length }).end(data);
  }
}

function listen(http: Server, address: string): Promise<void> {
  const { promise, resolve, reject } = withResolvers<void>();
  http.once('error', reject);
  http.listen(address.replace('unix:', ''), resolve);
  return promise;
}
