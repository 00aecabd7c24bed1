import type { TaskId } from '../../../core/ids.js';
import type { RetentionRule } from '../../store.js';
import type { TaskHead } from './heads.js';
import * as names from './names.js';
import type { Reader } from './reader.js';

/** How many are named at a time, and how many are looked at for that. */
const MOST = 1_000;

/**
 * Finds outcomes that need not be kept. Records stand in the order of their outcomes, so the oldest are the first, and no
 * index is needed. Those that did not succeed are noted in a stream of their own besides: so they can be counted.
 */
export class Oldest {
  readonly #reader: Reader;
  /** Up to here stands nothing that has succeeded. */
  #passed = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  expendable(rule: RetentionRule): Promise<TaskId[]> {
    return rule.states.includes('succeeded') ? this.#succeeded(rule) : this.#unsuccessful(rule);
  }

  async #unsuccessful({ before, most }: RetentionRule): Promise<TaskId[]> {
    const { count, first } = await this.#reader.extent(names.DEAD);
    const ids: TaskId[] = [];
    for (let seq = first; ids.length < MOST;) {
      const note = await this.#reader.next<{ settledAt: number }>(names.DEAD, names.DEAD_SUBJECTS, seq);
      if (!note || (count - ids.length <= most && note.head.settledAt >= before)) break;
      ids.push(names.idOfSubject(note.subject));
      seq = note.seq + 1;
    }
    return ids;
  }

  async #succeeded({ before, most }: RetentionRule): Promise<TaskId[]> {
    const [records, dead] = await Promise.all([
      this.#reader.extent(names.TASKS),
      this.#reader.extent(names.DEAD),
    ]);
    // What runs is among them: as if there were a few more.
    const kept = records.count - dead.count;
    const ids: TaskId[] = [];
    let seq = Math.max(records.first, this.#passed + 1);
    for (let looks = 0; looks < MOST && ids.length < MOST; looks++) {
      const record = await this.#reader.next<TaskHead>(names.TASKS, names.TASK_SUBJECTS, seq);
      if (!record) break;
      seq = record.seq + 1;
      const { state, settledAt = 0, spec } = record.head;
      if (state === 'succeeded') {
        if (kept - ids.length <= most && settledAt >= before) break;
        ids.push(spec.id);
      } else if (ids.length === 0 && state !== 'running') this.#passed = record.seq;
    }
    return ids;
  }
}
