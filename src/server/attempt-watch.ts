import type { Logger } from '../host/logger.js';
import type { Attempt__Output } from '../wire/generated/offhand/v1/Attempt.js';
import type { Attempts__Output } from '../wire/generated/offhand/v1/Attempts.js';
import type { Coordinator } from './coordinator.js';
import type { Attempted, AttemptNews } from './face.js';
import type { WorkerLink } from './worker-link.js';

/** Shorter attempts are told one in such a time for each slot, in ms. */
const FINEST_MS = 2;

/** All slots together tell no more than one short attempt in such a time, in ms. */
const FINEST_OF_ALL_MS = 0.25;

/**
 * What the slots of all workers run, for those who watch. Direct tasks go by the coordinator unseen: their workers tell, and only
 * while somebody watches.
 *
 * A worker's clock is mapped by the message that was the quickest on its way.
 */
export class AttemptWatch {
  readonly #coordinator: Coordinator;
  readonly #now: () => number;
  readonly #listeners = new Set<(news: AttemptNews) => void>();
  /** What runs and was told, by worker and slot: for those who come later. */
  readonly #running = new Map<string, Attempted>();
  /** Our clock minus the worker's, in ms. */
  readonly #offsets = new WeakMap<WorkerLink, number>();
  #finestMs = 0;

  /** @param now ms since 1970, on a clock that is never set. */
  constructor(coordinator: Coordinator, now = () => performance.timeOrigin + performance.now()) {
    this.#coordinator = coordinator;
    this.#now = now;
    coordinator.listen({
      attached: (link) => this.#meet(link),
      gone: (link) => this.#onGone(link),
      capacity: () => this.#tune(),
    });
    for (const link of coordinator.members.all) this.#meet(link);
  }

  /** @returns stops it. */
  watch(listener: (news: AttemptNews) => void): () => void {
    this.#listeners.add(listener);
    listener({ at: this.#now(), attempts: [...this.#running.values()], skipped: 0 });
    this.#tune();
    return () => {
      this.#listeners.delete(listener);
      this.#tune();
    };
  }

  #meet(link: WorkerLink): void {
    link.onAttempts = (attempts) => this.#onAttempts(link, attempts);
    if (this.#finestMs > 0) this.#ask(link);
  }

  /** Has workers tell as much as those who watch can be told. */
  #tune(): void {
    const finestMs =
      this.#listeners.size === 0
        ? 0
        : Math.max(FINEST_MS, Math.ceil(this.#coordinator.members.slots * FINEST_OF_ALL_MS));
    if (finestMs === this.#finestMs) return;
    this.#finestMs = finestMs;
    if (finestMs === 0) this.#running.clear();
    for (const link of this.#coordinator.members.all) this.#ask(link);
  }

  #ask(link: WorkerLink): void {
    link.send({ watchAttempts: { finestMs: this.#finestMs } });
  }

  #onAttempts(link: WorkerLink, { nowMs, attempts, skipped }: Attempts__Output): void {
    const offsetMs = Math.min(this.#offsets.get(link) ?? Infinity, this.#now() - nowMs);
    this.#offsets.set(link, offsetMs);
    const told = attempts.map((attempt) => attempted(link.info.worker, attempt, offsetMs));
    for (const attempt of told) {
      const lane = `${attempt.worker}/${attempt.slot}`;
      const running = this.#running.get(lane);
      if (attempt.state === 'running') this.#running.set(lane, attempt);
      else if (running && endsWith(running, attempt)) this.#running.delete(lane);
    }
    this.#tell({ at: this.#now(), attempts: told, skipped });
  }

  /** What ran there has ended with it. */
  #onGone({ info: { worker } }: WorkerLink): void {
    const at = this.#now();
    const lost = [...this.#running].filter(([, attempt]) => attempt.worker === worker);
    for (const [lane] of lost) this.#running.delete(lane);
    const attempts = lost.map(([, attempt]): Attempted => {
      return { ...attempt, state: 'failed', runMs: Math.max(0, at - attempt.startedAt) };
    });
    if (attempts.length > 0) this.#tell({ at, attempts, skipped: 0 });
  }

  #tell(news: AttemptNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}

function attempted(worker: string, attempt: Attempt__Output, offsetMs: number): Attempted {
  const { slot, taskId, name, begunMs, runMs, failed } = attempt;
  const about = { worker, slot, taskId, name, startedAt: begunMs + offsetMs };
  if (runMs === undefined) return { ...about, state: 'running', runMs: 0 };
  return { ...about, state: failed ? 'failed' : 'completed', runMs };
}

/** Whether an attempt has ended by the time that this one of the same slot has. */
function endsWith(running: Attempted, ended: Attempted): boolean {
  return running.taskId === ended.taskId || running.startedAt < ended.startedAt;
}

/** Says in the log what every slot runs, as far as it is told, and how it ended. */
export function logAttempts(watch: AttemptWatch, log: Logger): void {
  watch.watch(({ attempts, skipped }) => {
    for (const { worker, slot, taskId, name, state, runMs } of attempts)
      log.debug({ worker, slot, task: taskId, name, runMs: Math.round(runMs) }, `attempt ${state}`);
    if (skipped > 0) log.debug({ skipped }, 'short attempts that are not told one by one');
  });
}
