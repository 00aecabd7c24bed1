import {
  type ChannelOptions,
  credentials as channelCredentials,
  type Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import type { PolicyName } from '../core/scheduler/placement.js';
import { type Address, formatAddress } from '../wire/address.js';
import { COORDINATOR_OPTIONS } from '../wire/channel.js';
import { callMetadata, type Credentials, dial } from '../wire/credentials.js';
import { codeOfStatus, fromServiceError, isSilence } from '../wire/errors.js';
import type { ExplainLossResponse__Output } from '../wire/generated/offhand/v1/ExplainLossResponse.js';
import type { HandshakeResponse__Output } from '../wire/generated/offhand/v1/HandshakeResponse.js';
import { CoordinatorClient, QueueClient } from '../wire/proto.js';
import { PROTOCOL, VERSION } from '../wire/protocol.js';
import type { SessionStream } from './direct/session.js';
import { tlsObstacle } from '../wire/tls-obstacle.js';
import { type ClusterStatus, clusterStatusFrom } from '../wire/cluster-document.js';
import { poolStatusFrom, type PoolStatus } from '../wire/status-document.js';

/** How long a coordinator may take to answer anything that needs no waiting for workers, in ms. */
const ANSWER_LIMIT_MS = 5_000;

/** Who looks for another coordinator when one is gone. */
export interface Successor {
  /** What watches the calls, and the connection. */
  readonly options: ChannelOptions;
  /** A call was not answered. Resolves with whether a coordinator is there again: the same, or another one. */
  lost(): Promise<boolean>;
  close(): void;
}

type Respond<T> = (error: ServiceError | null, response?: T) => void;

/** A client's connection to the coordinator. Every method rejects with a PoolError. */
export class CoordinatorLink {
  readonly #credentials: Credentials;
  readonly #clientId: string;
  readonly #certifiedFor: string | undefined;
  readonly #whenMoved = new Set<() => void>();
  #address: string;
  #client: InstanceType<typeof CoordinatorClient>;
  #successor: Successor | undefined;

  /** @param certifiedFor what the coordinator's certificate is for, where that is not the host. */
  constructor(address: Address, credentials: Credentials, clientId: string, certifiedFor?: string) {
    this.#address = formatAddress(address);
    this.#credentials = credentials;
    this.#clientId = clientId;
    this.#certifiedFor = certifiedFor;
    this.#client = this.#dial();
  }

  /** `host:port` that is dialled. */
  get address(): string {
    return this.#address;
  }

  /** Before the first call: who looks for another coordinator from now on. */
  succeededBy(successor: Successor): void {
    this.#successor = successor;
    this.#client.close();
    this.#client = this.#dial();
  }

  /** Another coordinator takes the place of this one, which is gone. */
  moveTo(address: Address): void {
    this.#client.close();
    this.#address = formatAddress(address);
    this.#client = this.#dial();
    for (const listener of this.#whenMoved) listener();
  }

  /** Told after each time, in the order in which they have asked to be. @returns stops telling */
  onMoved(listener: () => void): () => void {
    this.#whenMoved.add(listener);
    return () => this.#whenMoved.delete(listener);
  }

  /** Whether what failed like this may be asked once more: a coordinator is there again. */
  async isThereAgain(error: unknown): Promise<boolean> {
    const cause = (error as PoolError).cause as ServiceError | undefined;
    if (!this.#successor || cause?.metadata === undefined || !isSilence(cause)) return false;
    return this.#successor.lost();
  }

  /** Makes sure that a pool of the same protocol is there and lets us in. */
  async handshake(): Promise<{ slots: number }> {
    const { protocol, version, slots } = await this.#call<HandshakeResponse__Output>((done) =>
      this.#client.handshake({ version: VERSION, protocol: PROTOCOL }, this.#metadata(), soon(), done),
    ).catch(async (error: PoolError) => {
      throw (await this.#obstacle(error)) ?? error;
    });
    if (protocol === PROTOCOL) return { slots };
    throw new PoolError(
      'version-mismatch',
      `the pool at ${this.#address} runs offhand ${version} (protocol ${protocol}), and this is offhand ${VERSION} ` +
        `(protocol ${PROTOCOL}); install the same version on both sides`,
    );
  }

  openSession(): SessionStream {
    return this.#client.session(this.#metadata());
  }

  /** The queue, on the same connection. */
  queue(): { client: InstanceType<typeof QueueClient>; metadata: () => Metadata } {
    const client = new QueueClient(this.#address, channelCredentials.createInsecure(), {
      channelOverride: this.#client.getChannel(),
      ...this.#successor?.options,
    });
    return { client, metadata: () => this.#metadata() };
  }

  /** What a failed call to the coordinator means. */
  explain(error: ServiceError): PoolError {
    return fromServiceError(error, (bare) => this.#explain(bare));
  }

  /** How a worker that is gone has ended. @throws PoolError also when nobody knows */
  async explainLoss(workerId: string): Promise<PoolError> {
    const { code, message } = await this.#call<ExplainLossResponse__Output>((done) =>
      this.#client.explainLoss({ workerId }, this.#metadata(), soon(), done),
    );
    return new PoolError(code === 'out-of-memory' ? code : 'worker-lost', message, { mayHaveRun: true });
  }

  async status(): Promise<PoolStatus> {
    return poolStatusFrom(
      await this.#call((done) => this.#client.getStatus({}, this.#metadata(), soon(), done)),
    );
  }

  /** Those that share its store, itself among them. */
  async cluster(): Promise<ClusterStatus> {
    return clusterStatusFrom(
      await this.#call((done) => this.#client.getCluster({}, this.#metadata(), soon(), done)),
    );
  }

  /** @returns how many workers of its own the pool is to have from now on. */
  async scale(workers: number): Promise<number> {
    const answer = await this.#call<{ workers: number }>((done) =>
      this.#client.scale({ workers }, this.#metadata(), done),
    );
    return answer.workers;
  }

  /** How workers are chosen from now on. */
  async setPolicy(policy: PolicyName): Promise<void> {
    await this.#call((done) => this.#client.setPolicy({ policy }, this.#metadata(), soon(), done));
  }

  /** Resolves when the worker of this name is gone. */
  async drain(worker: string): Promise<void> {
    await this.#call((done) => this.#client.drain({ worker }, this.#metadata(), done));
  }

  async stop(how: { now: boolean }): Promise<void> {
    await this.#call((done) => this.#client.stop(how, this.#metadata(), soon(), done));
  }

  close(): void {
    this.#successor?.close();
    this.#client.close();
  }

  #dial(): InstanceType<typeof CoordinatorClient> {
    const options = { ...COORDINATOR_OPTIONS, ...this.#successor?.options };
    const certifiedFor = this.#certifiedFor;
    return dial(CoordinatorClient, this.#address, this.#credentials, { options, certifiedFor });
  }

  #metadata() {
    return callMetadata(this.#credentials, this.#clientId);
  }

  #call<T>(start: (done: Respond<T>) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      start((error, response) => {
        if (error) reject(this.explain(error));
        else resolve(response as T);
      });
    });
  }

  /** Somebody may be there all the same, but not come to terms with us. */
  async #obstacle({ cause }: PoolError): Promise<PoolError | undefined> {
    if ((cause as ServiceError | undefined)?.code !== status.UNAVAILABLE) return undefined;
    const obstacle = await tlsObstacle(this.#address, this.#credentials);
    return obstacle === undefined ? undefined : new PoolError('unavailable', obstacle, { cause });
  }

  #whyNobody(details: string): string {
    // The words of grpc-js, which has no code of its own for it.
    if (details.startsWith('Name resolution failed'))
      return `no host is known by the name in ${this.#address}; check how it is written, or give an IP address`;
    return `no pool answers at ${this.#address}; start one with \`offhand server\`, or give another address`;
  }

  #explain(error: ServiceError): PoolError {
    const code = codeOfStatus(error.code);
    const options = { cause: error };
    switch (error.code) {
      case status.UNAVAILABLE:
      case status.DEADLINE_EXCEEDED:
        return new PoolError('unavailable', this.#whyNobody(error.details), options);
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
