import type { WaitingHead } from './heads.js';
import { WORK, WORK_SUBJECTS } from './names.js';
import type { Reader } from './reader.js';

/** So many of those that wait are looked at, the newest. */
const MOST = 100_000;

/** How many questions are under way at a time, and for how many numbers each is responsible at first. */
const AT_ONCE = 32;
const LEAST_SPAN = 16;

/**
 * Reads the tasks that are offered, each once. A stream of work lets nobody read it but whoever takes from it, so its messages
 * are asked for one by one; those that came since the last time alone.
 */
export class WorkScan {
  readonly #reader: Reader;
  readonly #onHead: (head: WaitingHead) => void;
  #seen = 0;

  constructor(reader: Reader, onHead: (head: WaitingHead) => void) {
    this.#reader = reader;
    this.#onHead = onHead;
  }

  async catchUp(): Promise<void> {
    const extent = await this.#reader.extent(WORK);
    const { last } = extent;
    const first = Math.max(this.#seen + 1, extent.first, last - MOST);
    const span = Math.max(LEAST_SPAN, Math.ceil((last - first + 1) / AT_ONCE));
    const spans: Promise<void>[] = [];
    for (let from = first; from <= last; from += span)
      spans.push(this.#read(from, Math.min(last, from + span - 1)));
    await Promise.all(spans);
    this.#seen = last;
  }

  async #read(from: number, to: number): Promise<void> {
    for (let seq = from; seq <= to; seq++) {
      const kept = await this.#reader.next<WaitingHead>(WORK, WORK_SUBJECTS, seq);
      if (!kept || kept.seq > to) return;
      this.#onHead(kept.head);
      seq = kept.seq;
    }
  }
}
