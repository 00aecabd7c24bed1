import { type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import { callMetadata, CLIENT_OPTIONS } from '../wire/channel.js';
import type { OutcomeBatch__Output } from '../wire/generated/offhand/v1/OutcomeBatch.js';
import type { TaskBatch } from '../wire/generated/offhand/v1/TaskBatch.js';
import type { TaskOutcomes__Output } from '../wire/generated/offhand/v1/TaskOutcomes.js';
import { SlotClient } from '../wire/slot-proto.js';

type Stream = ClientDuplexStream<TaskBatch, OutcomeBatch__Output>;

/** Whoever uses the stream: one lease, and for a moment the one before it, whose last outcomes are on their way. */
export interface SlotUser {
  /** The last message is on its way; there is room for the next. */
  onWritten(): void;
  onOutcomes(outcomes: TaskOutcomes__Output[]): void;
  /** The stream is no more. What was sent may or may not have arrived. */
  onBroken(error: ServiceError | undefined): void;
}

/** A client's connection to one slot, and the stream on it while there is something to send. */
export class SlotLink {
  readonly #client: InstanceType<typeof SlotClient>;
  readonly #token: string | undefined;
  #stream: Stream | undefined;
  readonly #users = new Set<SlotUser>();
  #count = 0;
  /** Functions whose source has been sent on this stream. */
  readonly #known = new Set<string>();
  #isWriting = false;

  constructor(address: string, token: string | undefined) {
    this.#client = new SlotClient(address, credentials.createInsecure(), CLIENT_OPTIONS);
    this.#token = token;
  }

  /** Whether a message can go now; else `onWritten` says when. */
  get isReady(): boolean {
    return !this.#isWriting;
  }

  /** Whether the slot was sent the source of a function, so that its id will do. Counts it as sent from now on. */
  knows(functionId: string): boolean {
    if (this.#known.has(functionId)) return true;
    this.#known.add(functionId);
    return false;
  }

  forget(functionId: string): void {
    this.#known.delete(functionId);
  }

  get isUnused(): boolean {
    return this.#users.size === 0;
  }

  join(user: SlotUser): void {
    this.#users.add(user);
  }

  part(user: SlotUser): void {
    this.#users.delete(user);
  }

  /** Never the same twice, so that an outcome tells by itself which task it is of. */
  nextNumber(): number {
    return ++this.#count;
  }

  send(batch: TaskBatch): void {
    const stream = (this.#stream ??= this.#open());
    this.#isWriting = true;
    stream.write(batch, () => {
      if (stream !== this.#stream) return;
      this.#isWriting = false;
      for (const user of this.#users) user.onWritten();
    });
  }

  /** Hangs up; the connection stays. */
  rest(): void {
    const stream = this.#stream;
    this.#reset();
    stream?.end();
  }

  close(): void {
    const stream = this.#stream;
    this.#reset();
    stream?.cancel();
    this.#client.close();
  }

  #open(): Stream {
    const stream = this.#client.runTasks(callMetadata(this.#token));
    stream.on('data', (batch: OutcomeBatch__Output) => {
      if (stream === this.#stream) for (const user of [...this.#users]) user.onOutcomes(batch.outcomes);
    });
    const broken = (error?: ServiceError) => {
      if (stream !== this.#stream) return;
      this.#reset();
      for (const user of [...this.#users]) user.onBroken(error);
    };
    stream.on('error', broken);
    stream.on('end', () => broken());
    return stream;
  }

  #reset(): void {
    this.#stream = undefined;
    this.#isWriting = false;
    this.#known.clear();
  }
}
