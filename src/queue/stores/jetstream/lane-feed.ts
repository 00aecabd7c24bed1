import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { ClusterConnection } from '../../../cluster/connection.js';
import { patiently } from '../../../cluster/patiently.js';
import { type Lane, laneName, laneSubjects, WORK } from './names.js';

/** How long a task that was delivered is ours while nothing is heard of us, in ms. */
export const ACK_WAIT_MS = 10_000;

/** How long a request for tasks stands, in ms; what is heard later than this after it is not waited for. */
const STANDS_MS = 10_000;
const SLACK_MS = 1_000;

/** Of all coordinators together; only tasks that were claimed count. */
const MAX_ACK_PENDING = 200_000;

const NS_PER_MS = 1_000_000;

/**
 * Takes tasks out of one lane: exactly as many as were asked for. The library's own way of pulling asks for a stock and keeps it
 * filled, or makes a subscription for each request.
 */
export class LaneFeed {
  readonly lane: Lane;
  readonly #nats: NatsConnection;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #onTask: (message: Msg, feed: LaneFeed) => void;
  /** So many were asked for, and have not come; and until when what was asked for stands. */
  #left = 0;
  #standing: { count: number; until: number }[] = [];
  /** Told when nothing more comes at once. */
  #taking: { left: number; onEnd: () => void } | undefined;

  private constructor(
    { nats, libraries }: ClusterConnection,
    lane: Lane,
    onTask: (message: Msg, feed: LaneFeed) => void,
  ) {
    this.lane = lane;
    this.#nats = nats;
    this.#onTask = onTask;
    this.#inbox = libraries.transport.createInbox();
    this.#subscription = nats.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (!error) this.#onMessage(message);
      },
    });
  }

  static async open(
    connection: ClusterConnection,
    lane: Lane,
    onTask: (message: Msg, feed: LaneFeed) => void,
  ): Promise<LaneFeed> {
    const consumer = {
      durable_name: laneName(lane),
      filter_subject: laneSubjects(lane),
      ack_policy: connection.libraries.jetstream.AckPolicy.Explicit,
      ack_wait: ACK_WAIT_MS * NS_PER_MS,
      max_deliver: -1,
      max_ack_pending: MAX_ACK_PENDING,
    };
    await patiently(() => connection.manager.consumers.add(WORK, consumer));
    return new LaneFeed(connection, lane, onTask);
  }

  /** How many tasks were asked for that may still come. */
  get outstanding(): number {
    const now = performance.now();
    while (this.#standing[0] && this.#standing[0].until < now) this.#standing.shift();
    // A server that goes forgets what it was asked for, and may not say so.
    const most = this.#standing.reduce((sum, { count }) => sum + count, 0);
    this.#left = Math.min(this.#left, most);
    return this.#left;
  }

  /** Waits for tasks that are not there yet. */
  ask(count: number): void {
    this.#left += count;
    this.#standing.push({ count, until: performance.now() + STANDS_MS + SLACK_MS });
    this.#request({ batch: count, expires: STANDS_MS * NS_PER_MS });
  }

  /** Takes what is there, at most so many; resolves when that has come. */
  take(count: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endTaking(), SLACK_MS);
      const onEnd = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#taking = { left: count, onEnd };
      this.#request({ batch: count, no_wait: true });
    });
  }

  /** Nothing of what was asked for will come: the connection was lost meanwhile. */
  reset(): void {
    this.#left = 0;
    this.#standing = [];
    this.#endTaking();
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.reset();
  }

  #request(how: { batch: number; expires?: number; no_wait?: boolean }): void {
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${WORK}.${laneName(this.lane)}`;
    if (!this.#nats.isClosed()) this.#nats.publish(subject, JSON.stringify(how), { reply: this.#inbox });
  }

  #onMessage(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (message.subject !== this.#inbox) {
      if (this.#taking) this.#taking.left -= 1;
      else this.#left = Math.max(0, this.#left - 1);
      this.#onTask(message, this);
      if (this.#taking && this.#taking.left <= 0) this.#endTaking();
    } else if (code === 404 || (code === 408 && this.#taking)) this.#endTaking();
    else if (code === 408)
      this.#left = Math.max(0, this.#left - Number(message.headers?.get('Nats-Pending-Messages') || 0));
    else if (code >= 409) this.reset();
  }

  #endTaking(): void {
    const taking = this.#taking;
    this.#taking = undefined;
    taking?.onEnd();
  }
}
