import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { Caller, COORDINATOR, jsonPayload, SERVICES } from './rpc.js';
import { waitFor } from './wait.js';

// Streams of the contract as a program in another language uses them: proto/ alone.

/** A call that is a stream both ways: what came so far, and how it ended. */
export class RawStream<Res> {
  readonly received: Res[] = [];
  /** Resolves with the error the stream ended with, undefined for a clean end. */
  readonly ended: Promise<ServiceError | undefined>;
  readonly #stream: ClientDuplexStream<object, object>;

  constructor(caller: Caller, service: string, name: string) {
    const method = SERVICES.get(service)?.[name];
    if (!method) throw new Error(`proto/ has no ${service}/${name}`);
    const { path, requestSerialize, responseDeserialize } = method;
    this.#stream = caller.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      caller.metadata,
    );
    this.#stream.on('data', (message: object) => this.received.push(message as Res));
    this.ended = new Promise((resolve) => {
      this.#stream.once('error', (error: ServiceError) => resolve(error));
      this.#stream.once('end', () => resolve(undefined));
    });
  }

  send(message: object): void {
    this.#stream.write(message);
  }

  end(): void {
    this.#stream.end();
  }
}

export interface SlotLease {
  lease_id: string;
  epoch: number;
  worker_id: string;
  worker: string;
  slot_address: string;
}

/** A session as a client in another language keeps it; ends with disposal. */
export class RawSession {
  readonly #caller: Caller;
  readonly #stream: RawStream<{ granted: SlotLease[]; ended: number[] }>;

  constructor(address: string, token: string) {
    this.#caller = new Caller(address, COORDINATOR, { token });
    this.#stream = new RawStream(this.#caller, 'offhand.v1.Coordinator', 'Session');
  }

  get ended(): number[] {
    return this.#stream.received.flatMap(({ ended }) => ended);
  }

  /** Asks for that many leases, and waits for them. */
  async take(count: number): Promise<SlotLease[]> {
    this.#stream.send({ demand: count });
    const granted = () => this.#stream.received.flatMap((response) => response.granted);
    await waitFor(`${count} leases`, () => granted().length >= count);
    return granted();
  }

  [Symbol.dispose](): void {
    this.#stream.end();
    this.#caller[Symbol.dispose]();
  }
}

export interface TaskOutcomes {
  number: number;
  count: number;
  results?: { encoding: string; data: Buffer };
  failure?: { code: string; message: string };
  not_begun?: boolean;
}

/** A stream of tasks to one slot. */
export class RawSlot {
  readonly #caller: Caller;
  readonly #stream: RawStream<{ outcomes: TaskOutcomes[] }>;

  constructor(address: string, token: string) {
    this.#caller = new Caller(address, {}, { token });
    this.#stream = new RawStream(this.#caller, 'offhand.v1.Slot', 'RunTasks');
  }

  get ended(): Promise<ServiceError | undefined> {
    return this.#stream.ended;
  }

  get outcomes(): TaskOutcomes[] {
    return this.#stream.received.flatMap(({ outcomes }) => outcomes);
  }

  send(message: object): void {
    this.#stream.send(message);
  }

  /** Sends, and waits for that many tasks to have outcomes. */
  async ask(message: object, count = 1): Promise<TaskOutcomes[]> {
    this.send(message);
    const told = () => this.outcomes.reduce((sum, outcome) => sum + outcome.count, 0);
    await waitFor(`the outcomes of ${count} tasks`, () => told() >= count);
    return this.outcomes;
  }

  [Symbol.dispose](): void {
    this.#stream.end();
    this.#caller[Symbol.dispose]();
  }
}

/** One task with JSON arguments. */
export function oneTask(number: number, source: string, args: unknown[] = []): object {
  return { number, count: 1, source, arguments: jsonPayload(args) };
}
