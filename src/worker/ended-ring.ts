/** A task that has ended. */
export interface EndedTask {
  taskId: string;
  name: string;
  /** On the clock of the board, in ms. */
  begunAt: number;
  runMs: number;
  isFailed: boolean;
}

/** So many may wait to be taken; a power of two. */
const ENTRIES = 128;
const MAX_TEXT_BYTES = 336;
// In front: from which duration on every task is noted (8 bytes), how many were written, taken and left out (4 each).
const HEADER_BYTES = 24;
/** In front of each text: when it began, how long it ran, length of the text, whether it failed. */
const ENTRY_BYTES = 8 + 8 + 4 + 4 + MAX_TEXT_BYTES;

const FINEST = 0; // In words of 8 bytes.
const WRITTEN = 2; // In words of 4 bytes.
const TAKEN = 3;
const SKIPPED = 4;

/**
 * The tasks of a slot that have ended, from its thread to the main thread, in shared memory: the thread may be deep in the next
 * one. While nobody watches it costs the thread one read for each task, and holds nothing.
 *
 * One side writes, the other takes; what finds no room is left out, and counted.
 */
export class EndedRing {
  static readonly LENGTH = HEADER_BYTES + ENTRIES * ENTRY_BYTES;
  readonly #finest: Float64Array;
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  /** When the last one that was noted had ended. For the side that writes. */
  #notedUpTo = 0;

  /** @param offset of it in the buffer; divisible by 8. */
  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.#finest = new Float64Array(buffer, offset, 1);
    this.#words = new Int32Array(buffer, offset, HEADER_BYTES / 4);
    this.#bytes = Buffer.from(buffer, offset + HEADER_BYTES, ENTRIES * ENTRY_BYTES);
  }

  get isWatched(): boolean {
    return this.#finest[FINEST] !== 0;
  }

  /**
   * Has tasks noted from now on, or no longer. For the main thread.
   *
   * @param finestMs of those that run shorter only one in such a time is noted; 0 where nobody watches.
   */
  watch(finestMs: number): void {
    this.take();
    this.#finest[FINEST] = finestMs;
  }

  /** Whether a task that ends now is to be noted; else it is counted. For the side that writes. */
  takes(begunAt: number, runMs: number): boolean {
    const finestMs = this.#finest[FINEST] ?? 0;
    const isFine = runMs < finestMs && begunAt + runMs - this.#notedUpTo < finestMs;
    const waiting = (Atomics.load(this.#words, WRITTEN) - Atomics.load(this.#words, TAKEN)) | 0;
    if (!isFine && waiting < ENTRIES) return true;
    Atomics.add(this.#words, SKIPPED, 1);
    return false;
  }

  note({ taskId, name, begunAt, runMs, isFailed }: EndedTask): void {
    const written = Atomics.load(this.#words, WRITTEN);
    const at = (written & (ENTRIES - 1)) * ENTRY_BYTES;
    this.#bytes.writeDoubleLE(begunAt, at);
    this.#bytes.writeDoubleLE(runMs, at + 8);
    this.#bytes.writeInt32LE(this.#bytes.write(`${taskId}\n${name}`, at + 24, MAX_TEXT_BYTES), at + 16);
    this.#bytes.writeInt32LE(isFailed ? 1 : 0, at + 20);
    this.#notedUpTo = begunAt + runMs;
    Atomics.store(this.#words, WRITTEN, (written + 1) | 0);
  }

  /** Those that were noted since the last time, and how many were left out. For the main thread. */
  take(): { ended: EndedTask[]; skipped: number } {
    const ended: EndedTask[] = [];
    const written = Atomics.load(this.#words, WRITTEN);
    for (let taken = Atomics.load(this.#words, TAKEN); taken !== written; taken = (taken + 1) | 0) {
      const at = (taken & (ENTRIES - 1)) * ENTRY_BYTES;
      const length = this.#bytes.readInt32LE(at + 16);
      const text = this.#bytes.toString('utf8', at + 24, at + 24 + length);
      const end = text.indexOf('\n');
      ended.push({
        taskId: text.slice(0, end),
        name: text.slice(end + 1),
        begunAt: this.#bytes.readDoubleLE(at),
        runMs: this.#bytes.readDoubleLE(at + 8),
        isFailed: this.#bytes.readInt32LE(at + 20) === 1,
      });
    }
    Atomics.store(this.#words, TAKEN, written);
    return { ended, skipped: Atomics.exchange(this.#words, SKIPPED, 0) };
  }
}
