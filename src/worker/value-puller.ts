import type { ServiceError } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import { callMetadata, type Credentials, dial } from '../wire/credentials.js';
import { codeOfStatus, fromServiceError } from '../wire/errors.js';
import type { Chunk__Output } from '../wire/generated/offhand/v1/Chunk.js';
import type { ValueReference__Output } from '../wire/generated/offhand/v1/ValueReference.js';
import { ValuesClient } from '../wire/slot-proto.js';
import { type Payload, payloadFrom } from '../wire/values/payload.js';
import { checkSize } from '../wire/values/size-limit.js';

/** Connections to clients are kept for as many as this; who pulls from more closes the oldest. */
const MAX_CLIENTS = 16;

/** Pulls large values from the clients that have them. */
export class ValuePuller {
  readonly #credentials: Credentials;
  readonly #clients = new Map<string, InstanceType<typeof ValuesClient>>();

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** @throws PoolError `not-found` when the value is no longer to be had, `unavailable` when its client is gone. */
  pull(reference: ValueReference__Output): Promise<Payload>;
  /** @param data as large as the value, to be filled with it. */
  pull(reference: ValueReference__Output, data: Buffer): Promise<Payload>;
  pull(reference: ValueReference__Output, data?: Buffer): Promise<Payload> {
    const bytes = Number(reference.bytes);
    checkSize(bytes, 'arguments_at');
    return this.#fill(data ?? Buffer.allocUnsafeSlow(bytes), reference);
  }

  #fill(data: Buffer, reference: ValueReference__Output): Promise<Payload> {
    const { address, key } = reference;
    const bytes = data.length;
    const stream = this.#clientAt(address).pull({ key }, callMetadata(this.#credentials));
    let filled = 0;
    return new Promise((resolve, reject) => {
      const isWhole = () => resolve(payloadFrom({ encoding: reference.encoding, data }, 'arguments_at'));
      stream.on('data', (chunk: Chunk__Output) => {
        if (filled + chunk.data.length <= bytes) chunk.data.copy(data, filled);
        filled += chunk.data.length;
        if (filled === bytes) isWhole();
      });
      stream.on('error', (error: ServiceError) => {
        const explain = ({ code, details }: ServiceError) =>
          new PoolError(codeOfStatus(code), `the arguments cannot be pulled from ${address}: ${details}`);
        reject(fromServiceError(error, explain));
      });
      stream.on('end', () => {
        if (filled === bytes) isWhole();
        else
          reject(new PoolError('invalid-argument', `arguments_at: expected ${bytes} bytes, got ${filled}`));
      });
    });
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientAt(address: string): InstanceType<typeof ValuesClient> {
    const known = this.#clients.get(address);
    if (known) return known;
    for (const [oldest, client] of this.#clients) {
      if (this.#clients.size < MAX_CLIENTS) break;
      client.close();
      this.#clients.delete(oldest);
    }
    const client = dial(ValuesClient, address, this.#credentials);
    this.#clients.set(address, client);
    return client;
  }
}
