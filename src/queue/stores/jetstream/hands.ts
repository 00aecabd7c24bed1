import type { NatsConnection } from '@nats-io/transport-node';
import type { TaskId } from '../../../core/ids.js';
import type { ClaimedTask } from '../../store.js';
import type { TaskHead } from './heads.js';
import { ACK_WAIT_MS } from './lane-feed.js';

/** How often it is said that work goes on, in ms; and when a look comes so late that somebody else may have taken over. */
const WORKING_MS = 3_000;
const LATE_MS = ACK_WAIT_MS - WORKING_MS;

/** A task that we have claimed. */
export interface Hand extends ClaimedTask {
  readonly needs: string;
  readonly head: TaskHead;
  /** The number of its record. */
  revision: number;
  /** Where NATS hears what becomes of this delivery. */
  reply: string;
  workedAt: number;
  /** Whether its attempt has ended: it takes no room any more. */
  isOver: boolean;
}

/** The tasks that we have claimed, for as long as they are ours. */
export class Hands {
  readonly #nats: NatsConnection;
  readonly #hands = new Map<TaskId, Hand>();
  readonly #byNeeds = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #lookedAt = performance.now();

  /** @param onLate told when some of them may be somebody else's by now. */
  constructor(nats: NatsConnection, onLate: () => void) {
    this.#nats = nats;
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now - this.#lookedAt > LATE_MS) onLate();
      this.#lookedAt = now;
      for (const hand of this.#hands.values())
        if (now - hand.workedAt >= WORKING_MS - 500) this.#say(hand, '+WPI');
    }, WORKING_MS);
    this.#timer.unref();
  }

  get ids(): TaskId[] {
    return [...this.#hands.keys()];
  }

  get(id: TaskId): Hand | undefined {
    return this.#hands.get(id);
  }

  count(needs: string): number {
    return this.#byNeeds.get(needs) ?? 0;
  }

  take(hand: Hand): void {
    this.#hands.set(hand.spec.id, hand);
    this.#byNeeds.set(hand.needs, this.count(hand.needs) + 1);
  }

  /** It came to us once more: from now on it is this delivery that counts. */
  renew(hand: Hand, reply: string): void {
    hand.reply = reply;
    this.#say(hand, '+WPI');
  }

  /** Its attempt has ended; what came of it is being kept. */
  end(hand: Hand): void {
    if (hand.isOver) return;
    hand.isOver = true;
    this.#byNeeds.set(hand.needs, this.count(hand.needs) - 1);
  }

  /** It is ours no longer. */
  drop(hand: Hand): void {
    this.end(hand);
    if (this.#hands.get(hand.spec.id) === hand) this.#hands.delete(hand.spec.id);
  }

  acknowledge(hand: Hand): void {
    this.#say(hand, '+ACK');
    this.drop(hand);
  }

  /** Somebody may have it after a while. */
  giveBack(hand: Hand, delayMs: number): void {
    this.#say(hand, `-NAK {"delay": ${Math.round(delayMs * 1_000_000)}}`);
    this.drop(hand);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #say(hand: Hand, what: string): void {
    hand.workedAt = performance.now();
    if (!this.#nats.isClosed()) this.#nats.publish(hand.reply, what);
  }
}
