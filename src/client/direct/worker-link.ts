import { type ServiceError, status } from '@grpc/grpc-js';
import { PoolError } from '../../core/errors.js';
import { type Address, formatAddress } from '../../wire/address.js';
import { callMetadata, type Credentials, dial } from '../../wire/credentials.js';
import { codeOfStatus, fromServiceError } from '../../wire/errors.js';
import type { SettleLeaseRequest } from '../../wire/generated/offhand/v1/SettleLeaseRequest.js';
import type { SettleLeaseResponse__Output } from '../../wire/generated/offhand/v1/SettleLeaseResponse.js';
import { WorkerClient } from '../../wire/proto.js';
import { NewsLink } from './news-link.js';

/** How long a worker may take to say what became of a lease, in ms. Its main thread runs no user code. */
const ANSWER_LIMIT_MS = 5_000;

/** How long a worker may take to drop values, in ms. Nobody's call waits for it, but the end of the pool. */
const DROP_LIMIT_MS = 1_000;

/** A client's connection to the main thread of one worker: for what a slot that is busy, or gone, cannot answer. */
export class WorkerLink {
  readonly #address: string;
  readonly #client: InstanceType<typeof WorkerClient>;
  readonly #credentials: Credentials;
  readonly #askWhyLost: () => Promise<PoolError>;
  /** What tasks tell while they run. */
  readonly news: NewsLink;

  /** @param askWhyLost tells how this worker has ended; rejects where nobody knows. */
  constructor(address: Address, credentials: Credentials, askWhyLost: () => Promise<PoolError>) {
    this.#address = formatAddress(address);
    this.#client = dial(WorkerClient, this.#address, credentials);
    this.#credentials = credentials;
    this.#askWhyLost = askWhyLost;
    this.news = new NewsLink(this.#client, credentials);
  }

  /**
   * Ends a lease and tells what became of its tasks.
   *
   * @throws PoolError `worker-lost` or `out-of-memory`, saying how the worker ended, when it is gone
   */
  async settleLease(request: SettleLeaseRequest): Promise<SettleLeaseResponse__Output> {
    try {
      return await this.#settleLease(request);
    } catch (error) {
      const known = fromServiceError(error as ServiceError, (bare) => this.#explain(bare));
      // At the address of a worker that is gone there may be the one that took its place, and that knows no such lease.
      if (known.code !== 'worker-lost' && known.code !== 'lease-lost') throw known;
      throw await this.#askWhyLost().catch(() => known);
    }
  }

  /** How this worker has ended, as far as anybody knows; never rejects. */
  explainLoss(): Promise<PoolError> {
    return this.#askWhyLost().catch(() => new PoolError('worker-lost', 'its worker was lost'));
  }

  /** Resolves when the worker has dropped these values, or does not say so in time. */
  dropValues(ids: string[]): Promise<void> {
    return new Promise((resolve) => {
      const deadline = Date.now() + DROP_LIMIT_MS;
      this.#client.dropValues({ ids }, callMetadata(this.#credentials), { deadline }, () => resolve());
    });
  }

  close(): void {
    this.news.close();
    this.#client.close();
  }

  #settleLease(request: SettleLeaseRequest): Promise<SettleLeaseResponse__Output> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + ANSWER_LIMIT_MS;
      this.#client.settleLease(request, callMetadata(this.#credentials), { deadline }, (error, response) => {
        if (error) reject(error);
        else resolve(response as SettleLeaseResponse__Output);
      });
    });
  }

  #explain(error: ServiceError): PoolError {
    const isLost = error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED;
    const code = isLost ? 'worker-lost' : codeOfStatus(error.code);
    const what = isLost ? 'was lost: ' : ': ';
    return new PoolError(code, `the worker at ${this.#address} ${what}${error.details}`, { cause: error });
  }
}
