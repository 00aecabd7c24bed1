import type { KV } from '@nats-io/kv';
import { patiently } from '../../../cluster/patiently.js';
import { messageOf } from '../../../core/errors.js';

/** How often a coordinator says that it is there, in ms: several times before it would count as gone. */
const SAY_MS = 4_000;

/** Who is there; and which one of them does what one has to do for all. */
export class Seats {
  readonly #seats: KV;
  readonly #holder: string;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  /** The number of what says that the retention is ours. */
  #retention: number | undefined;

  private constructor(seats: KV, holder: string, onError: (error: unknown) => void) {
    this.#seats = seats;
    this.#holder = holder;
    this.#onError = onError;
  }

  static async take(seats: KV, holder: string, onError: (error: unknown) => void): Promise<Seats> {
    const own = new Seats(seats, holder, onError);
    // Streams that were made just now may have no leader yet.
    await patiently(() => own.#sit());
    own.#timer = setInterval(() => void own.#say(), SAY_MS);
    own.#timer.unref();
    return own;
  }

  /** Whether it is ours to drop what is kept no longer. */
  get hasRetention(): boolean {
    return this.#retention !== undefined;
  }

  async present(): Promise<Set<string>> {
    const present = new Set<string>();
    for await (const key of await this.#seats.keys('here.*')) present.add(key.slice('here.'.length));
    return present;
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([
      this.#seats.purge(`here.${this.#holder}`),
      this.#retention === undefined
        ? undefined
        : this.#seats.purge('retention', { previousSeq: this.#retention }),
    ]).catch(this.#onError); // They go by themselves, a little later.
  }

  async #say(): Promise<void> {
    try {
      await this.#sit();
    } catch (error) {
      this.#onError(error);
    }
  }

  async #sit(): Promise<void> {
    await this.#seats.put(`here.${this.#holder}`, '');
    await this.#takeRetention();
  }

  async #takeRetention(): Promise<void> {
    const before = this.#retention;
    try {
      this.#retention =
        before === undefined
          ? await this.#seats.create('retention', this.#holder)
          : await this.#seats.update('retention', this.#holder, before);
    } catch (error) {
      this.#retention = undefined;
      if (!/wrong last sequence/.test(messageOf(error))) throw error;
    }
  }
}
