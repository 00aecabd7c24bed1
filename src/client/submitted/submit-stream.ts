import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { PoolError } from '../../core/errors.js';
import { withResolvers } from '../../core/with-resolvers.js';
import { poolErrorFrom } from '../../wire/errors.js';
import type { SubmitRequest } from '../../wire/generated/offhand/v1/SubmitRequest.js';
import type { SubmitResponse__Output } from '../../wire/generated/offhand/v1/SubmitResponse.js';

/** For how long a stream is kept for the next request, in ms. */
const LINGER_MS = 100;

type Stream = ClientDuplexStream<SubmitRequest, SubmitResponse__Output>;

/** The other side ended the stream in between: nobody knows what became of what was under way. */
export class StreamEnded extends PoolError {
  constructor() {
    super('unavailable', 'the pool ended the stream of its queue');
  }
}

interface Waiting {
  resolve: (answer: SubmitResponse__Output) => void;
  reject: (reason: unknown) => void;
}

/** Requests that are answered on one stream: a call of its own for each would cost more than a task does. */
export class SubmitStream {
  readonly #dial: () => Stream;
  readonly #meaningOf: (error: ServiceError) => Error;
  readonly #waiting = new Map<number, Waiting>();
  #stream: Stream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #isClosed = false;

  constructor(dial: () => Stream, meaningOf: (error: ServiceError) => Error) {
    this.#dial = dial;
    this.#meaningOf = meaningOf;
  }

  send(request: SubmitRequest): Promise<SubmitResponse__Output> {
    clearTimeout(this.#timer);
    const { promise, resolve, reject } = withResolvers<SubmitResponse__Output>();
    const number = ++this.#count;
    this.#waiting.set(number, { resolve, reject });
    (this.#stream ??= this.#open()).write({ ...request, number });
    return promise;
  }

  /** What is under way is still answered. */
  close(): void {
    this.#isClosed = true;
    if (this.#waiting.size === 0) this.#rest();
  }

  #open(): Stream {
    const stream = this.#dial();
    stream.on('data', (answer: SubmitResponse__Output) => {
      if (stream === this.#stream) this.#onAnswer(answer);
    });
    const broken = (reason: unknown) => {
      if (stream !== this.#stream) return;
      this.#stream = undefined;
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of waiting) reject(reason);
    };
    stream.on('error', (error: ServiceError) => broken(this.#meaningOf(error)));
    stream.on('end', () => broken(new StreamEnded()));
    return stream;
  }

  #onAnswer(answer: SubmitResponse__Output): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if (answer.refused) waiting?.reject(poolErrorFrom(answer.refused));
    else waiting?.resolve(answer);
    if (this.#waiting.size > 0) return;
    if (this.#isClosed) this.#rest();
    else this.#timer = setTimeout(() => this.#rest(), LINGER_MS);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.end();
  }
}
