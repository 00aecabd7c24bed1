import { type ClientUnaryCall, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import { type Address, formatAddress } from '../wire/address.js';
import { callMetadata, CLIENT_OPTIONS } from '../wire/channel.js';
import { codeOfStatus, fromServiceError } from '../wire/errors.js';
import type { FindFreeWorkerResponse__Output } from '../wire/generated/offhand/v1/FindFreeWorkerResponse.js';
import type { HandshakeResponse__Output } from '../wire/generated/offhand/v1/HandshakeResponse.js';
import type { FreeWorkerRequest } from '../wire/generated/offhand/v1/FreeWorkerRequest.js';
import { CoordinatorClient } from '../wire/proto.js';
import { PROTOCOL, VERSION } from '../wire/protocol.js';
import { poolStatusFrom, type PoolStatus } from '../wire/status-document.js';

/** How long a coordinator may take to answer anything that needs no waiting for workers, in ms. */
const ANSWER_LIMIT_MS = 5_000;

/** A right to one slot of one worker. */
export type Lease = FindFreeWorkerResponse__Output;

type Respond<T> = (error: ServiceError | null, response?: T) => void;

/** A client's connection to the coordinator. Every method rejects with a PoolError. */
export class CoordinatorLink {
  readonly #address: string;
  readonly #client: InstanceType<typeof CoordinatorClient>;
  readonly #token: string | undefined;
  readonly #clientId: string;
  #requests = 0;

  constructor(address: Address, token: string | undefined, clientId: string) {
    this.#address = formatAddress(address);
    this.#client = new CoordinatorClient(this.#address, credentials.createInsecure(), CLIENT_OPTIONS);
    this.#token = token;
    this.#clientId = clientId;
  }

  /** Makes sure that a pool of the same protocol is there and lets us in. */
  async handshake(): Promise<{ slots: number }> {
    const { protocol, version, slots } = await this.#call<HandshakeResponse__Output>((done) =>
      this.#client.handshake({ version: VERSION, protocol: PROTOCOL }, this.#metadata(), soon(), done),
    );
    if (protocol === PROTOCOL) return { slots };
    throw new PoolError(
      'version-mismatch',
      `the pool at ${this.#address} runs offhand ${version}, this is ${VERSION}`,
    );
  }

  /** Waits for a free worker, for as long as the signal lets it. */
  async findFreeWorker(signal: AbortSignal): Promise<Lease> {
    const requestId = String(++this.#requests);
    try {
      return await this.#call((done) => {
        const call: ClientUnaryCall = this.#client.findFreeWorker({ requestId }, this.#metadata(), done);
        signal.addEventListener('abort', () => call.cancel(), { once: true });
      });
    } catch (error) {
      // The lease may have been on its way when the call was cancelled; unclaimed, it would keep its slot until it expires.
      if (signal.aborted) await this.#free({ requestId });
      throw error;
    }
  }

  freeWorker({ leaseId }: Lease): Promise<void> {
    return this.#free({ leaseId });
  }

  async status(): Promise<PoolStatus> {
    return poolStatusFrom(
      await this.#call((done) => this.#client.getStatus({}, this.#metadata(), soon(), done)),
    );
  }

  async stop(): Promise<void> {
    await this.#call((done) => this.#client.stop({}, this.#metadata(), soon(), done));
  }

  close(): void {
    this.#client.close();
  }

  async #free(request: FreeWorkerRequest): Promise<void> {
    await this.#call((done) => this.#client.freeWorker(request, this.#metadata(), soon(), done));
  }

  #metadata() {
    return callMetadata(this.#token, this.#clientId);
  }

  #call<T>(start: (done: Respond<T>) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      start((error, response) => {
        if (error) reject(fromServiceError(error, (bare) => this.#explain(bare)));
        else resolve(response as T);
      });
    });
  }

  #explain(error: ServiceError): PoolError {
    const code = codeOfStatus(error.code);
    const options = { cause: error };
    switch (error.code) {
      case status.UNAVAILABLE:
      case status.DEADLINE_EXCEEDED:
        return new PoolError(
          'unavailable',
          `no pool answers at ${this.#address}; start one with \`offhand server\`, or give another address`,
          options,
        );
      case status.UNAUTHENTICATED:
        return new PoolError(
          code,
          `the pool at ${this.#address} does not know this token; set OFFHAND_TOKEN to what \`offhand token\` prints there`,
          options,
        );
      case status.UNIMPLEMENTED:
        return new PoolError(
          code,
          `what answers at ${this.#address} is no offhand pool of this version`,
          options,
        );
      default:
        return new PoolError(code, `the pool at ${this.#address}: ${error.details}`, options);
    }
  }
}

function soon(): { deadline: number } {
  return { deadline: Date.now() + ANSWER_LIMIT_MS };
}
