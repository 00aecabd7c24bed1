import type { Msg } from '@nats-io/transport-node';
import type { ClusterConnection } from '../../../cluster/connection.js';
import { LaneFeed } from './lane-feed.js';
import type { Lane } from './names.js';

/** What has come out of a lane. */
export interface Delivery {
  readonly message: Msg;
  readonly lane: Lane;
}

/** Asks the lanes for as many tasks as there is room for: the highest level first, and of equal ones in the order they came. */
export class Intake {
  readonly #connection: ClusterConnection;
  readonly #feeds = new Map<string, LaneFeed[]>();
  readonly #wanted = new Map<string, number>();
  readonly #taken: (needs: string) => number;
  readonly #onDeliveries: (deliveries: Delivery[]) => void;
  readonly #onError: (error: unknown) => void;
  readonly #rounds = new Map<string, 'under-way' | 'again'>();
  readonly #stopListening: () => void;
  /** Delivered, and not looked at yet. */
  #deliveries: Delivery[] = [];
  readonly #due = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  /** @param taken how many tasks with these needs are here, or are being claimed. */
  constructor(
    connection: ClusterConnection,
    taken: (needs: string) => number,
    onDeliveries: (deliveries: Delivery[]) => void,
    onError: (error: unknown) => void,
  ) {
    this.#connection = connection;
    this.#taken = taken;
    this.#onDeliveries = onDeliveries;
    this.#onError = onError;
    this.#stopListening = connection.listen((isConnected) => {
      if (isConnected) for (const feed of [...this.#feeds.values()].flat()) feed.reset();
      for (const needs of this.#wanted.keys()) this.changed(needs);
    });
    // Requests end by themselves, or are lost with a server.
    this.#timer = setInterval(() => {
      for (const needs of this.#wanted.keys()) this.changed(needs);
    }, 1_000);
    this.#timer.unref();
  }

  want(needs: string, count: number): void {
    if (this.#wanted.get(needs) === count) return;
    this.#wanted.set(needs, count);
    this.changed(needs);
  }

  wanted(needs: string): number {
    return this.#wanted.get(needs) ?? 0;
  }

  /** There is a lane that was not known. */
  async open(lane: Lane): Promise<void> {
    const feeds = this.#feeds.get(lane.needs) ?? [];
    if (this.#isClosed || feeds.some((feed) => feed.lane.level === lane.level)) return;
    const feed = await LaneFeed.open(this.#connection, lane, (message) => this.#onTask(message, lane));
    const now = this.#feeds.get(lane.needs) ?? [];
    if (this.#isClosed || now.some(({ lane: { level } }) => level === lane.level)) return feed.close();
    this.#feeds.set(
      lane.needs,
      [...now, feed].sort((a, b) => b.lane.level - a.lane.level),
    );
    this.changed(lane.needs);
  }

  /** There may be room for more; what one turn brings is asked for together. */
  changed(needs: string): void {
    if (this.#due.size === 0) setImmediate(() => this.#askDue());
    this.#due.add(needs);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stopListening();
    for (const feed of [...this.#feeds.values()].flat()) feed.close();
  }

  #askDue(): void {
    const due = [...this.#due];
    this.#due.clear();
    for (const needs of due) this.#round(needs).catch(this.#onError);
  }

  async #round(needs: string): Promise<void> {
    if (this.#isClosed || !this.#connection.isConnected) return;
    if (this.#rounds.has(needs)) {
      this.#rounds.set(needs, 'again');
      return;
    }
    const feeds = this.#feeds.get(needs) ?? [];
    this.#rounds.set(needs, 'under-way');
    // With one lane there is nothing to choose. Else each is emptied before the next, and then all are waited for: what
    // comes too much is given back.
    if (feeds.length > 1)
      for (const feed of feeds) {
        const room = this.#room(needs);
        if (room <= 0) break;
        await feed.take(room);
      }
    const room = this.#room(needs);
    for (const feed of feeds) {
      const count = room - feed.outstanding;
      if (count > 0) feed.ask(count);
    }
    const isAgain = this.#rounds.get(needs) === 'again';
    this.#rounds.delete(needs);
    if (isAgain) this.changed(needs);
  }

  #room(needs: string): number {
    const arriving = this.#deliveries.filter(({ lane }) => lane.needs === needs).length;
    return this.wanted(needs) - this.#taken(needs) - arriving;
  }

  #onTask(message: Msg, lane: Lane): void {
    if (this.#deliveries.length === 0) queueMicrotask(() => this.#deliver());
    this.#deliveries.push({ message, lane });
  }

  #deliver(): void {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    this.#onDeliveries(deliveries);
  }
}
