import { Agent, get, type IncomingMessage } from 'node:http';
import { messageOf, PoolError } from '../core/errors.js';
import type { Credentials } from '../wire/credentials.js';
import type { ValueReference__Output } from '../wire/generated/offhand/v1/ValueReference.js';
import { type Payload, payloadFrom } from '../wire/values/payload.js';
import { checkSize } from '../wire/values/size-limit.js';

/** Idle connections that are kept, to whatever clients. */
const MAX_IDLE = 16;

/** Pulls large values from the clients that have them. */
export class ValuePuller {
  readonly #headers: { authorization?: string };
  readonly #agent = new Agent({
    keepAlive: true,
    maxTotalSockets: Number.POSITIVE_INFINITY,
    maxFreeSockets: MAX_IDLE,
  });

  constructor({ token }: Pick<Credentials, 'token'>) {
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
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

  async #fill(data: Buffer, { address, key, encoding }: ValueReference__Output): Promise<Payload> {
    // Anything else would have this worker ask strangers in its own name; without a path HTTP means port 80 of this machine.
    if (!address.startsWith('unix:/'))
      throw new PoolError('invalid-argument', `arguments_at.address: expected unix:/path, got ${address}`);
    // What has come from another thread is no Buffer any more.
    const response = await this.#ask(address, Buffer.from(key).toString('hex'));
    const sent = Number(response.headers['content-length']);
    const refusal = refusalFor(response.statusCode, sent, data.length);
    if (refusal) {
      response.destroy(); // What it may have to say is not waited for.
      throw refusal;
    }
    let filled = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) filled += chunk.copy(data, filled);
    } catch (error) {
      throw unreachable(address, error);
    }
    return payloadFrom({ encoding, data }, 'arguments_at');
  }

  #ask(address: string, key: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = {
        socketPath: address.slice('unix:'.length),
        path: `/${key}`,
        agent: this.#agent,
        headers: this.#headers,
      };
      get(options, resolve).on('error', (error) => reject(unreachable(address, error)));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function refusalFor(status: number | undefined, sent: number, expected: number): PoolError | undefined {
  if (status === 401)
    return new PoolError('unauthenticated', 'the arguments cannot be pulled: another token is needed');
  if (status !== 200) return new PoolError('not-found', 'the arguments cannot be pulled: their call is over');
  if (sent === expected) return undefined;
  return new PoolError('invalid-argument', `arguments_at: expected ${expected} bytes, got ${sent}`);
}

function unreachable(address: string, error: unknown): PoolError {
  return new PoolError('unavailable', `the arguments cannot be pulled from ${address}: ${messageOf(error)}`);
}
