import { type ClientDuplexStream, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { PoolError } from '../../core/errors.js';
import type { ExplainResponse__Output } from '../../wire/generated/offhand/v1/ExplainResponse.js';
import type { ListRequest } from '../../wire/generated/offhand/v1/ListRequest.js';
import type { ListResponse__Output } from '../../wire/generated/offhand/v1/ListResponse.js';
import type { LogLine__Output } from '../../wire/generated/offhand/v1/LogLine.js';
import type { SubmitRequest } from '../../wire/generated/offhand/v1/SubmitRequest.js';
import type { SubmitResponse__Output } from '../../wire/generated/offhand/v1/SubmitResponse.js';
import type { TaskInfo__Output } from '../../wire/generated/offhand/v1/TaskInfo.js';
import type { WatchRequest } from '../../wire/generated/offhand/v1/WatchRequest.js';
import type { WatchResponse__Output } from '../../wire/generated/offhand/v1/WatchResponse.js';
import type { QueueClient } from '../../wire/proto.js';
import type { CoordinatorLink } from '../coordinator-link.js';
import { SubmitStream } from './submit-stream.js';

export type WatchStream = ClientDuplexStream<WatchRequest, WatchResponse__Output>;

/** The calls of the Queue service. Every method rejects with a PoolError. */
export class QueueLink {
  readonly #coordinator: CoordinatorLink;
  readonly #metadata: () => Metadata;
  readonly #submissions: SubmitStream;
  /** False for a coordinator from before there was that stream. */
  #hasStream = true;
  #isClosed = false;
  #client: InstanceType<typeof QueueClient>;

  constructor(coordinator: CoordinatorLink) {
    this.#coordinator = coordinator;
    const { client, metadata } = coordinator.queue();
    this.#client = client;
    this.#metadata = metadata;
    const dial = () => this.#client.submitMany(metadata());
    this.#submissions = new SubmitStream(dial, (error) => this.meaningOf(error));
    coordinator.onMoved(() => {
      this.#client = coordinator.queue().client;
      this.#hasStream = true;
    });
  }

  async submit(request: SubmitRequest): Promise<SubmitResponse__Output> {
    if (this.#isClosed) throw closed();
    if (this.#hasStream) {
      try {
        return await this.#submissions.send(request);
      } catch (error) {
        if (!isUnimplemented(error)) throw error;
        this.#hasStream = false;
      }
    }
    return this.#call((done) => this.#client.submit(request, this.#metadata(), done));
  }

  async get(taskIds: string[]): Promise<TaskInfo__Output[]> {
    const { tasks } = await this.#ask<{ tasks: TaskInfo__Output[] }>((done) =>
      this.#client.get({ taskIds }, this.#metadata(), done),
    );
    return tasks;
  }

  explain(taskId: string): Promise<ExplainResponse__Output> {
    return this.#ask((done) => this.#client.explain({ taskId }, this.#metadata(), done));
  }

  async logs(taskId: string): Promise<LogLine__Output[]> {
    const { lines } = await this.#ask<{ lines: LogLine__Output[] }>((done) =>
      this.#client.logs({ taskId }, this.#metadata(), done),
    );
    return lines;
  }

  list(request: ListRequest): Promise<ListResponse__Output> {
    return this.#ask((done) => this.#client.list(request, this.#metadata(), done));
  }

  async cancel(taskIds: string[]): Promise<TaskInfo__Output[]> {
    const { tasks } = await this.#ask<{ tasks: TaskInfo__Output[] }>((done) =>
      this.#client.cancel({ taskIds }, this.#metadata(), done),
    );
    return tasks;
  }

  async retry(taskIds: string[]): Promise<void> {
    await this.#call((done) => this.#client.retry({ taskIds }, this.#metadata(), done));
  }

  watch(): WatchStream {
    return this.#client.watch(this.#metadata());
  }

  close(): void {
    this.#isClosed = true;
    this.#submissions.close();
  }

  /** What a failed call means. */
  meaningOf(error: ServiceError): Error {
    return this.#coordinator.explain(error);
  }

  /** What may be asked twice is, where another coordinator has taken the place of one that is gone. */
  async #ask<T>(start: (done: (error: ServiceError | null, response?: T) => void) => unknown): Promise<T> {
    try {
      return await this.#call(start);
    } catch (error) {
      if (!(await this.#coordinator.isThereAgain(error))) throw error;
      return this.#call(start);
    }
  }

  #call<T>(start: (done: (error: ServiceError | null, response?: T) => void) => unknown): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      start((error, response) => {
        if (error) reject(this.meaningOf(error));
        else resolve(response as T);
      });
    });
  }
}

function closed(): PoolError {
  return new PoolError('closed', 'this pool is closed');
}

function isUnimplemented(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as ServiceError | undefined) : undefined;
  return cause?.code === status.UNIMPLEMENTED;
}
