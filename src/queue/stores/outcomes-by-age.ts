import type { TaskId } from '../../core/ids.js';
import type { RetentionRule, TaskRecord } from '../store.js';

/** How many are named at a time. */
const MOST = 1_000;

/** Settled tasks whose outcomes are kept, in the order of their outcomes: those that succeeded, and the others. */
export class OutcomesByAge<T extends TaskRecord> {
  readonly #succeeded = new Set<T>();
  readonly #unsuccessful = new Set<T>();

  add(item: T): void {
    (item.state === 'succeeded' ? this.#succeeded : this.#unsuccessful).add(item);
  }

  delete(item: T): void {
    this.#succeeded.delete(item);
    this.#unsuccessful.delete(item);
  }

  /** Those that a rule lets go, the oldest first. */
  expendable({ states, before, most }: RetentionRule): TaskId[] {
    const settled = states.includes('succeeded') ? this.#succeeded : this.#unsuccessful;
    let surplus = settled.size - most;
    const ids: TaskId[] = [];
    for (const item of settled) {
      if (ids.length >= MOST || (surplus <= 0 && (item.settledAt ?? 0) >= before)) break;
      surplus -= 1;
      ids.push(item.spec.id);
    }
    return ids;
  }
}
