import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { QueuedIterator } from '@nats-io/transport-node';
import { patiently } from '../../../cluster/patiently.js';
import { type Lane, laneName } from './names.js';

/** Which lanes there are. Whoever offers the first task of one writes it down; all others hear of it. */
export class LaneBook {
  readonly #book: KV;
  readonly #known = new Map<string, Promise<unknown>>();
  #lanes: readonly Lane[] = [];
  #watch: QueuedIterator<KvWatchEntry> | undefined;

  constructor(book: KV) {
    this.#book = book;
  }

  /** Those that we have heard of so far. */
  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** Resolves when all know of it. */
  async open(lane: Lane): Promise<void> {
    const name = laneName(lane);
    let written = this.#known.get(name);
    if (!written) {
      written = patiently(() => this.#book.put(name, lane.needs));
      this.#add(lane);
      this.#known.set(name, written);
      written.catch(() => this.#known.delete(name));
    }
    await written;
  }

  /** Tells of those that there are, and of those that come. */
  async follow(onLane: (lane: Lane) => void, onError: (error: unknown) => void): Promise<void> {
    this.#watch = await patiently(() => this.#book.watch());
    void this.#tell(this.#watch, onLane).catch(onError);
  }

  close(): void {
    this.#watch?.stop();
  }

  async #tell(watch: QueuedIterator<KvWatchEntry>, onLane: (lane: Lane) => void): Promise<void> {
    for await (const entry of watch) {
      if (entry.operation !== 'PUT') continue;
      this.#known.set(entry.key, Promise.resolve());
      const lane = { level: Number(entry.key.split('-')[0]), needs: entry.string() };
      this.#add(lane);
      onLane(lane);
    }
  }

  #add(lane: Lane): void {
    const isKnown = this.#lanes.some(({ level, needs }) => level === lane.level && needs === lane.needs);
    if (!isKnown) this.#lanes = [...this.#lanes, lane];
  }
}
