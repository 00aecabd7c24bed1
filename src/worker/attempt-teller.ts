import type { Attempt } from '../wire/generated/offhand/v1/Attempt.js';
import type { Attempts } from '../wire/generated/offhand/v1/Attempts.js';
import type { Board } from './board.js';

/** How often it tells, in ms. What has run for longer is told while it runs. */
const TELL_MS = 100;

/** Tells the coordinator what the slots run, while somebody watches. */
export class AttemptTeller {
  readonly #boards: readonly Board[];
  readonly #send: (attempts: Attempts) => void;
  /** By slot: the task that was told as running, as lease and number. */
  readonly #told: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param boards of the slots. */
  constructor(boards: readonly Board[], send: (attempts: Attempts) => void) {
    this.#boards = boards;
    this.#send = send;
  }

  /** @param finestMs as {@link EndedRing.watch} takes it; 0 ends it. */
  watch(finestMs: number): void {
    clearInterval(this.#timer);
    this.#told.length = 0;
    for (const { ended } of this.#boards) ended.watch(finestMs);
    this.#timer = finestMs > 0 ? setInterval(() => this.tell(), TELL_MS) : undefined;
  }

  /** Tells what has ended since the last time, and what has run since then. */
  tell(): void {
    if (!this.#timer) return;
    const attempts: Attempt[] = [];
    let skipped = 0;
    for (const [slot, board] of this.#boards.entries()) {
      // Looked at first: what ends in between is then told as ended, after it was told as running.
      const running = this.#newlyRunning(slot, board);
      const taken = board.ended.take();
      skipped += taken.skipped;
      for (const { taskId, name, begunAt, runMs, isFailed } of taken.ended)
        attempts.push({ slot, taskId, name, begunMs: begunAt, runMs, failed: isFailed });
      if (running && !taken.ended.some(({ taskId }) => taskId === running.taskId)) attempts.push(running);
    }
    const nowMs = this.#boards[0]?.now() ?? 0;
    if (attempts.length > 0 || skipped > 0) this.#send({ nowMs, attempts, skipped });
  }

  #newlyRunning(slot: number, board: Board): Attempt | undefined {
    const { running } = board;
    if (!running || running.runningMs < TELL_MS) return undefined;
    const { epoch, number, taskId, name, runningMs } = running;
    const which = `${epoch}.${number}`;
    if (this.#told[slot] === which) return undefined;
    this.#told[slot] = which;
    return { slot, taskId, name, begunMs: board.now() - runningMs };
  }
}
