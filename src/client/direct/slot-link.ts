import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { LRUCache } from 'lru-cache';
import { PoolError } from '../../core/errors.js';
import { callMetadata, type Credentials, dial } from '../../wire/credentials.js';
import { keyOf, MAX_FUNCTIONS } from '../../wire/functions/parts.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import type { OutcomeBatch__Output } from '../../wire/generated/offhand/v1/OutcomeBatch.js';
import type { StreamDemand } from '../../wire/generated/offhand/v1/StreamDemand.js';
import type { TaskBatch } from '../../wire/generated/offhand/v1/TaskBatch.js';
import type { TaskOutcomes__Output } from '../../wire/generated/offhand/v1/TaskOutcomes.js';
import { SlotClient } from '../../wire/slot-proto.js';

import type { ShippedPut } from '../shipping/references.js';

/** How long the way to a slot may take to open, in ms. A way that is closed may say nothing at all, for minutes. */
const REACH_LIMIT_MS = 5_000;

type Stream = ClientDuplexStream<TaskBatch, OutcomeBatch__Output>;

/** Whoever uses the stream: one lease, and for a moment the one before it, whose last outcomes are on their way. */
export interface SlotUser {
  /** The last message is on its way; there is room for the next. */
  onWritten(): void;
  onOutcomes(outcomes: TaskOutcomes__Output[]): void;
  /** The slot is about to go, and waits for whoever asks what became of its tasks. */
  onClosing(): void;
  /** The stream is no more. What was sent may or may not have arrived. */
  onBroken(): void;
  /** The slot is gone, and nothing that was sent on the newest stream has arrived. */
  onGone(): void;
  /** The slot was never reached, so nothing that was sent has arrived. */
  onUnreached(reason: PoolError): void;
}

/** A client's connection to one slot, and the stream on it while there is something to send. */
export class SlotLink {
  /** Whether the slot is on this machine. */
  readonly isLocal: boolean;
  readonly #client: InstanceType<typeof SlotClient>;
  readonly #credentials: Credentials;
  #stream: Stream | undefined;
  readonly #users = new Set<SlotUser>();
  #count = 0;
  /** Functions, and parts of them, that have been sent on this stream. The slot keeps no more of them either. */
  readonly #known = new LRUCache<string, true>({ max: MAX_FUNCTIONS });
  #isWriting = false;
  /** Whether the slot has asked to be hung up on. */
  #isClosing = false;
  readonly #address: string;
  readonly #worker: string;
  #isReached: boolean;
  #reachTimer: NodeJS.Timeout | undefined;

  /** @param worker the name of the slot's worker, for messages. */
  constructor(address: string, worker: string, credentials: Credentials) {
    this.#address = address;
    this.#worker = worker;
    this.isLocal = address.startsWith('unix:');
    // Only the way to another machine may be closed.
    this.#isReached = this.isLocal;
    this.#client = dial(SlotClient, address, credentials);
    this.#credentials = credentials;
  }

  /** Whether the slot could have answered by now. */
  get isReached(): boolean {
    return this.#isReached;
  }

  /** Whether a message can go now; else `onWritten` says when. */
  get isReady(): boolean {
    return !this.#isWriting;
  }

  /** Whether the slot was sent this function, or this part of one, so that its id will do. Counts it as sent from now on. */
  knows(id: string): boolean {
    if (this.#known.get(id)) return true;
    this.#known.set(id, true);
    return false;
  }

  /** The slot knows this function no more, or these values. */
  forget({ id, parts }: ShippedFunction, puts: readonly ShippedPut[]): void {
    for (const key of [id, ...parts.map(keyOf), ...puts.map((put) => put.id)]) this.#known.delete(key);
  }

  get isUnused(): boolean {
    return this.#users.size === 0;
  }

  join(user: SlotUser): void {
    this.#users.add(user);
  }

  part(user: SlotUser): void {
    this.#users.delete(user);
    if (this.#isClosing && this.isUnused) this.rest();
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

  /** Sends a value ahead of the task that refers to it, unless the slot has it. */
  sendAhead({ id, content: { form, bytes } }: ShippedPut): void {
    if (this.knows(id)) return;
    const stream = (this.#stream ??= this.#open());
    stream.write({ puts: [{ id, form, data: Buffer.from(bytes) }] });
  }

  /** Has a task that runs hear something; of no use to one whose stream has broken. */
  demand(demand: StreamDemand): void {
    this.#stream?.write({ demands: [demand] });
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
    const stream = this.#client.runTasks(callMetadata(this.#credentials));
    stream.on('data', (batch: OutcomeBatch__Output) => {
      if (stream !== this.#stream) return;
      if (batch.closing) this.#onClosing();
      else for (const user of [...this.#users]) user.onOutcomes(batch.outcomes);
    });
    const broken = (tell: (user: SlotUser) => void) => {
      if (stream !== this.#stream) return;
      this.#reset();
      for (const user of [...this.#users]) tell(user);
    };
    const unreached = (why: string) => {
      const reason = this.#unreached(why);
      broken((user) => user.onUnreached(reason));
    };
    stream.on('error', (error: ServiceError) => {
      if (!this.#isReached && error.code === status.UNAVAILABLE) unreached(reasonOf(error));
      else if (wasNeverSent(error)) broken((user) => user.onGone());
      else broken((user) => user.onBroken());
    });
    stream.on('end', () => broken((user) => user.onBroken()));
    if (!this.#isReached) {
      this.#reachTimer = setTimeout(() => {
        unreached(`no answer within ${REACH_LIMIT_MS / 1_000} s`);
        stream.cancel();
      }, REACH_LIMIT_MS);
      // Not until a deadline of its own: closing the client would leave its timer behind.
      this.#client.waitForReady(Number.POSITIVE_INFINITY, (error) => {
        if (error) return; // The client was closed.
        this.#isReached = true;
        clearTimeout(this.#reachTimer);
      });
    }
    return stream;
  }

  #onClosing(): void {
    this.#isClosing = true;
    if (this.isUnused) this.rest();
    for (const user of [...this.#users]) user.onClosing();
  }

  #unreached(reason: string): PoolError {
    return new PoolError(
      'unavailable',
      `${this.#worker} cannot be reached at ${this.#address} (${reason}); the ports of the workers have to be open to ` +
        'this machine, and --advertise of their server has to name an address that this machine reaches',
    );
  }

  #reset(): void {
    clearTimeout(this.#reachTimer);
    this.#stream = undefined;
    this.#isWriting = false;
    this.#isClosing = false;
    this.#known.clear();
  }
}

/** Whether there was no connection, by the words of grpc-js: else some of what was sent may have arrived. */
function wasNeverSent({ code, details }: ServiceError): boolean {
  return code === status.UNAVAILABLE && details.startsWith('No connection established');
}

/** Why a connection did not come about, out of the frame that grpc-js puts around it. */
function reasonOf({ details }: ServiceError): string {
  const words = details.replace(/\s+/g, ' ');
  return (
    /Last error: (?:Error(?: \[\w+\])?: )?(.+?)(?: \(\d{4}-[^)]+\))? ?\. Resolution/.exec(words)?.[1] ?? words
  );
}
