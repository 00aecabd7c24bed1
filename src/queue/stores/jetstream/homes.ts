import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { QueuedIterator } from '@nats-io/transport-node';
import type { ClusterConnection } from '../../../cluster/connection.js';
import { patiently } from '../../../cluster/patiently.js';
import { messageOf } from '../../../core/errors.js';
import type { WaitingHead } from './heads.js';
import { anyHeldBy, HELD } from './names.js';
import { headFrom } from './reader.js';
import { scan } from './scan.js';
import type { Seats } from './seats.js';
import type { Tasks } from './tasks.js';

/** Who holds tasks, and what becomes of those whose home is gone: somebody else takes them over. */
export class Homes {
  readonly #connection: ClusterConnection;
  readonly #book: KV;
  readonly #home: string;
  readonly #seats: Seats;
  readonly #tasks: Tasks;
  readonly #known = new Set<string>();
  #written: Promise<unknown> | undefined;
  #watch: QueuedIterator<KvWatchEntry> | undefined;

  constructor(connection: ClusterConnection, book: KV, home: string, seats: Seats, tasks: Tasks) {
    this.#connection = connection;
    this.#book = book;
    this.#home = home;
    this.#known.add(home);
    this.#seats = seats;
    this.#tasks = tasks;
  }

  /** Those that we have heard of so far. */
  get homes(): readonly string[] {
    return [...this.#known];
  }

  /** Hears of those that there are, and of those that come and go. */
  async follow(onError: (error: unknown) => void): Promise<void> {
    this.#watch = await patiently(() => this.#book.watch({ key: 'home.*' }));
    void this.#hear(this.#watch).catch(onError);
  }

  close(): void {
    this.#watch?.stop();
  }

  /** Before we hold anything it is written down that we may: so others look whether we are there. */
  async open(): Promise<void> {
    this.#written ??= patiently(() => this.#book.put(`home.${this.#home}`, ''));
    await this.#written.catch((error: unknown) => {
      this.#written = undefined;
      throw error;
    });
  }

  /** Takes over what homes hold that are gone, unless somebody else is about to. */
  async *adopt(): AsyncIterable<WaitingHead[]> {
    const homes: string[] = [];
    for await (const key of await this.#book.keys('home.*')) homes.push(key.slice('home.'.length));
    // It was long that nothing was heard of us, and somebody has taken over what we held: we may hold more by now.
    if (this.#written && !homes.includes(this.#home)) await this.#book.put(`home.${this.#home}`, '');
    for (const home of homes) {
      const present = await this.#seats.present();
      if (home === this.#home || present.has(home)) continue;
      const entry = await this.#book.get(`home.${home}`);
      if (entry?.operation !== 'PUT') continue;
      // Who does it is written in its place, and may be gone as well before it is done.
      const [adopter] = [entry.string()];
      if (adopter !== '' && adopter !== this.#home && present.has(adopter)) continue;
      const revision = await this.#mark(`home.${home}`, entry.revision);
      if (revision === undefined) continue;
      yield* this.#adoptFrom(home);
      await this.#book.purge(`home.${home}`, { previousSeq: revision }).catch((error: unknown) => {
        // Somebody else is about to look whether anything is left.
        if (!/wrong last sequence/.test(messageOf(error))) throw error;
      });
    }
  }

  async #hear(watch: QueuedIterator<KvWatchEntry>): Promise<void> {
    for await (const { key, operation } of watch) {
      const home = key.slice('home.'.length);
      if (operation === 'PUT') this.#known.add(home);
      else if (home !== this.#home) this.#known.delete(home);
    }
  }

  async *#adoptFrom(home: string): AsyncIterable<WaitingHead[]> {
    await this.open();
    let last: number | undefined;
    for await (const messages of scan(this.#connection, HELD, anyHeldBy(home))) {
      const heads = messages.map((message) => ({
        head: headFrom<WaitingHead>(message.headers?.get('Offhand') ?? ''),
        data: message.data,
      }));
      await Promise.all(heads.map(({ head, data }) => this.#tasks.hold(this.#home, head, data)));
      last = messages.at(-1)?.seq;
      yield heads.map(({ head }) => head);
    }
    // All at once, as each of them by itself would cost a question; those that it has held since, if it is there, stay.
    if (last !== undefined) await this.#tasks.forgetHeld(home, last);
  }

  async #mark(key: string, previousSeq: number): Promise<number | undefined> {
    try {
      return await this.#book.put(key, this.#home, { previousSeq });
    } catch (error) {
      if (/wrong last sequence/.test(messageOf(error))) return undefined;
      throw error;
    }
  }
}
