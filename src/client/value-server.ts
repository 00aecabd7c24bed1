import { randomBytes } from 'node:crypto';
import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import type { Credentials } from '../wire/credentials.js';
import { toStatus } from '../wire/errors.js';
import type { Chunk } from '../wire/generated/offhand/v1/Chunk.js';
import type { PullRequest__Output } from '../wire/generated/offhand/v1/PullRequest.js';
import type { ValueReference } from '../wire/generated/offhand/v1/ValueReference.js';
import { bindAddress, createGrpcServer, shutDown } from '../wire/grpc-server.js';
import { valuesService } from '../wire/slot-proto.js';
import { claimSocket, releaseSocket } from '../host/sockets.js';
import type { Payload } from '../wire/values/payload.js';

const CHUNK_BYTES = 1024 * 1024;

let servers = 0;

/**
 * Hands out this client's large arguments to the slots that come for them. A value can be had by whoever knows its key,
 * which goes to one slot alone, for as long as its task is not settled. Listens while there is something to hand out.
 */
export class ValueServer {
  readonly #credentials: Credentials;
  readonly #values = new Map<string, Uint8Array>();
  #server: { address: string; grpc: Server; bound: Promise<unknown> } | undefined;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** Listens, if it does not yet. Where that is not possible it offers nothing: values go along with their tasks. */
  async open(): Promise<void> {
    if (!this.#server) {
      const address = claimSocket('client', servers++);
      if (address === undefined) return;
      const grpc = createGrpcServer(this.#credentials);
      grpc.addService(valuesService, { Pull: (call: PullStream) => this.#pour(call) });
      this.#server = { address, grpc, bound: bindAddress(grpc, address, this.#credentials) };
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

  /** Stops listening, and hangs up. */
  close(): void {
    const server = this.#server;
    this.#server = undefined;
    this.#values.clear();
    if (!server) return;
    shutDown(server.grpc, server.address);
    releaseSocket(server.address);
  }

  #pour(call: PullStream): void {
    const data = this.#values.get(call.request.key.toString('hex'));
    if (!data) return void call.emit('error', toStatus(new PoolError('not-found', 'key: no such value')));
    let sent = 0;
    const pour = () => {
      while (sent < data.length) {
        const end = Math.min(data.length, sent + CHUNK_BYTES);
        const chunk = Buffer.from(data.buffer, data.byteOffset + sent, end - sent);
        sent = end;
        // Whoever needs the value need not wait for the end of the stream either.
        if (!call.write({ data: chunk }) && sent < data.length) return void call.once('drain', pour);
      }
      call.end();
    };
    pour();
  }
}

type PullStream = ServerWritableStream<PullRequest__Output, Chunk>;
