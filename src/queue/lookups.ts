import type { TaskId } from '../core/ids.js';
import { isSettled, type SettledState } from '../core/queue/task.js';
import type { SharedTaskStore } from './shared-store.js';
import type { Watchers } from './watchers.js';

/** How often tasks are looked up that others may have given their outcomes, in ms, and how many of them at a time. */
const LOOK_MS = 3_000;
const PORTION = 500;

/** Looks tasks up of which it matters here that they have outcomes: what others tell may be lost on its way. */
export class Lookups {
  readonly #store: SharedTaskStore;
  readonly #watchers: Watchers;
  readonly #onSettled: (tasks: { id: TaskId; state: SettledState }[]) => void;
  readonly #storeFailed: (error: unknown) => void;
  /** The one that was looked up last stands last. */
  readonly #ids = new Set<TaskId>();
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(
    {
      store,
      watchers,
      storeFailed,
    }: { store: SharedTaskStore; watchers: Watchers; storeFailed: (error: unknown) => void },
    onSettled: (tasks: { id: TaskId; state: SettledState }[]) => void,
  ) {
    this.#store = store;
    this.#watchers = watchers;
    this.#onSettled = onSettled;
    this.#storeFailed = storeFailed;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  add(id: TaskId): void {
    this.#ids.add(id);
  }

  remove(id: TaskId): void {
    this.#ids.delete(id);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const ids = this.#next();
      const records = await this.#store.find(ids);
      const settled = records.flatMap((record) => {
        const state = record?.state;
        return record && state && isSettled(state) ? [{ id: record.spec.id, state }] : [];
      });
      if (settled.length > 0) this.#onSettled(settled);
    } catch (error) {
      this.#storeFailed(error);
    } finally {
      this.#isLooking = false;
    }
  }

  #next(): TaskId[] {
    const ids = new Set(this.#watchers.next(PORTION));
    for (const id of this.#ids) {
      if (ids.size >= 2 * PORTION) break;
      ids.add(id);
    }
    for (const id of ids) if (this.#ids.delete(id)) this.#ids.add(id);
    return [...ids];
  }
}
