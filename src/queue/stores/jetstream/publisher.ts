import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { ClusterConnection } from '../../../cluster/connection.js';
import { PoolError } from '../../../core/errors.js';
import { withResolvers } from '../../../core/with-resolvers.js';

/** How long NATS may take to keep something, in ms, the choice of a new leader included; how often that is looked at. */
const LIMIT_MS = 10_000;
const LOOK_MS = 500;
/** When a stream without a leader is asked again, in ms. */
const AGAIN_MS = 250;

const WRONG_LAST_SEQUENCE = [10_071, 10_164];
/** The account or the server has no room, or the stream has reached its limits. */
const NO_ROOM = [10_002, 10_023, 10_028, 10_047, 10_077, 10_122];

export interface Kept {
  /** Its number in its stream. */
  seq: number;
  isDuplicate: boolean;
}

export interface PublishOptions {
  /** Facts that can be read without the rest. */
  head?: object;
  /** Refused where the newest message of this subject is not this one; 0 for none. */
  after?: number;
  /** What was published once under this is not kept again. */
  uniqueId?: string;
}

interface Waiting {
  subject: string;
  data: Uint8Array;
  options: PublishOptions;
  until: number;
  resolve: (kept: Kept | undefined) => void;
  reject: (reason: PoolError) => void;
}

/**
 * Publishes to streams and hears that it was kept. All that one turn brings is sent without waiting: the way of the library
 * makes a timer and several promises for each message, which costs as much again as the message.
 */
export class Publisher {
  readonly #nats: NatsConnection;
  readonly #headers: ClusterConnection['libraries']['transport']['headers'];
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #waiting = new Map<string, Waiting>();
  readonly #timer: NodeJS.Timeout;
  #count = 0;

  constructor({ nats, libraries }: ClusterConnection) {
    this.#nats = nats;
    this.#headers = libraries.transport.headers;
    this.#inbox = libraries.transport.createInbox();
    this.#subscription = nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#onAnswer(message);
      },
    });
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /**
   * @returns undefined where `after` does not hold
   * @throws PoolError `unavailable` when it is not known to be kept in time: it may be nevertheless; `queue-full`
   */
  publish(subject: string, data: Uint8Array, options: PublishOptions = {}): Promise<Kept | undefined> {
    const { promise, resolve, reject } = withResolvers<Kept | undefined>();
    this.#send({ subject, data, options, until: performance.now() + LIMIT_MS, resolve, reject });
    return promise;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#subscription.unsubscribe();
    for (const { reject } of this.#waiting.values())
      reject(new PoolError('unavailable', 'the store is closed'));
    this.#waiting.clear();
  }

  #send(waiting: Waiting): void {
    const { subject, data, options } = waiting;
    const reply = `${this.#inbox}.${++this.#count}`;
    if (this.#nats.isClosed()) return waiting.reject(new PoolError('unavailable', 'the store is closed'));
    this.#waiting.set(reply, waiting);
    const headers = this.#headers();
    if (options.head) headers.set('Offhand', JSON.stringify(options.head));
    if (options.after !== undefined)
      headers.set('Nats-Expected-Last-Subject-Sequence', String(options.after));
    if (options.uniqueId !== undefined) headers.set('Nats-Msg-Id', options.uniqueId);
    this.#nats.publish(subject, data, { reply, headers });
  }

  #onAnswer({ subject, data, headers }: Msg): void {
    const waiting = this.#waiting.get(subject);
    if (!waiting) return;
    this.#waiting.delete(subject);
    if (headers?.code === 503) return this.#again(waiting);
    const answer = JSON.parse(Buffer.from(data).toString()) as PublishAnswer;
    if (!answer.error) return waiting.resolve({ seq: answer.seq, isDuplicate: answer.duplicate === true });
    const { code, err_code, description } = answer.error;
    if (WRONG_LAST_SEQUENCE.includes(err_code)) return waiting.resolve(undefined);
    if (code === 503 && !NO_ROOM.includes(err_code)) return this.#again(waiting);
    const isFull = NO_ROOM.includes(err_code);
    waiting.reject(
      new PoolError(
        isFull ? 'queue-full' : 'unavailable',
        isFull
          ? `NATS has no room for this (${description}); nothing of it was kept. Raise its limits, and submit it again`
          : `NATS refuses to keep this: ${description}`,
      ),
    );
  }

  /** Nobody leads the stream at this moment. */
  #again(waiting: Waiting): void {
    if (performance.now() + AGAIN_MS > waiting.until) return waiting.reject(notInTime());
    setTimeout(() => this.#send(waiting), AGAIN_MS).unref();
  }

  #look(): void {
    const now = performance.now();
    for (const [reply, waiting] of this.#waiting) {
      if (waiting.until > now) continue;
      this.#waiting.delete(reply);
      waiting.reject(notInTime());
    }
  }
}

interface PublishAnswer {
  seq: number;
  duplicate?: boolean;
  error?: { code: number; err_code: number; description: string };
}

function notInTime(): PoolError {
  return new PoolError(
    'unavailable',
    `NATS did not say within ${LIMIT_MS / 1_000} s that it has kept this; submitted again, it is still one task`,
  );
}
