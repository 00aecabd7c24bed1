import { PoolError } from '../core/errors.js';
import type { WorkerId } from '../core/ids.js';
import type { Loss } from '../core/process-end.js';

/** Workers whose end is remembered. */
const MAX_LOSSES = 256;

/** How long the end of a process may take to be known, in ms: its clients see their streams break a little earlier. */
const NOTICE_LIMIT_MS = 1_000;

/** How worker processes have ended, for those who ran something there. */
export class Losses {
  readonly #losses = new Map<WorkerId, Loss>();
  readonly #waiting = new Map<WorkerId, Set<(loss: Loss) => void>>();

  note(worker: WorkerId, loss: Loss): void {
    this.#losses.set(worker, loss);
    for (const oldest of this.#losses.keys()) {
      if (this.#losses.size <= MAX_LOSSES) break;
      this.#losses.delete(oldest);
    }
    for (const tell of this.#waiting.get(worker) ?? []) tell(loss);
    this.#waiting.delete(worker);
  }

  /** Waits a moment for what is not known yet. @throws PoolError `not-found` */
  async explain(worker: WorkerId): Promise<Loss> {
    const known = this.#losses.get(worker);
    if (known) return known;
    const waiting = this.#waiting.get(worker) ?? new Set();
    this.#waiting.set(worker, waiting);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(tell);
        if (waiting.size === 0) this.#waiting.delete(worker);
        reject(new PoolError('not-found', 'how this worker ended is not known'));
      }, NOTICE_LIMIT_MS);
      const tell = (loss: Loss) => {
        clearTimeout(timer);
        resolve(loss);
      };
      waiting.add(tell);
    });
  }
}
