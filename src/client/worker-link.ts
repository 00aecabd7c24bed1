import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import { type Address, formatAddress } from '../wire/address.js';
import { callMetadata, CLIENT_OPTIONS } from '../wire/channel.js';
import { codeOfStatus, fromServiceError } from '../wire/errors.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import type { RunCodeRequest } from '../wire/generated/offhand/v1/RunCodeRequest.js';
import type { RunCodeResponse__Output } from '../wire/generated/offhand/v1/RunCodeResponse.js';
import { WorkerClient } from '../wire/proto.js';

/** A client's connection to one worker. */
export class WorkerLink {
  readonly #address: string;
  readonly #client: InstanceType<typeof WorkerClient>;
  readonly #token: string | undefined;
  /** The incarnation behind the address, and what it was sent. */
  #workerId = '';
  readonly #sent = new Set<string>();

  constructor(address: Address, token: string | undefined) {
    this.#address = formatAddress(address);
    this.#client = new WorkerClient(this.#address, credentials.createInsecure(), CLIENT_OPTIONS);
    this.#token = token;
  }

  /** Runs a function there; its source goes along the first time. @throws PoolError when the call does not come through. */
  async runCode(
    workerId: string,
    fn: ShippedFunction,
    request: RunCodeRequest,
    signal: AbortSignal,
  ): Promise<RunCodeResponse__Output> {
    if (workerId !== this.#workerId) {
      this.#workerId = workerId;
      this.#sent.clear();
    }
    const isKnown = this.#sent.has(fn.id);
    this.#sent.add(fn.id);
    try {
      return await this.#call(
        { ...request, ...(isKnown ? { functionId: fn.id } : { source: fn.source }) },
        signal,
      );
    } catch (error) {
      // The worker keeps a bounded number of functions, and each of its threads starts with none.
      const isForgotten = isKnown && error instanceof PoolError && error.code === 'code-unknown';
      if (!isForgotten) throw error;
      return this.#call({ ...request, source: fn.source }, signal);
    }
  }

  close(): void {
    this.#client.close();
  }

  #call(request: RunCodeRequest, signal: AbortSignal): Promise<RunCodeResponse__Output> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) throw new PoolError('cancelled', 'the call was cancelled');
      const cancel = () => call.cancel();
      const call = this.#client.runCode(request, callMetadata(this.#token), (error, response) => {
        signal.removeEventListener('abort', cancel);
        if (error) reject(fromServiceError(error, (bare) => this.#explain(bare)));
        else resolve(response as RunCodeResponse__Output);
      });
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  #explain(error: ServiceError): PoolError {
    const options = { cause: error, mayHaveRun: true };
    if (error.code === status.UNAVAILABLE) {
      return new PoolError(
        'worker-lost',
        `the worker at ${this.#address} was lost: ${error.details}`,
        options,
      );
    }
    return new PoolError(
      codeOfStatus(error.code),
      `the worker at ${this.#address}: ${error.details}`,
      options,
    );
  }
}
