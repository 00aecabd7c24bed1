import type { TaskId } from '../../core/ids.js';
import { isSettled, type TaskState } from '../../core/queue/task.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import type {
  AddedTask,
  AttemptKey,
  Claim,
  ClaimedTask,
  ListQuery,
  RetentionRule,
  SettledQuery,
  Settlement,
  TaskOutcome,
  TaskPage,
  TaskRecord,
  TaskSpec,
  TaskStore,
  UnsettledTask,
} from '../store.js';
import { MAX_DROPPED } from '../retention.js';
import { specOf } from '../spec.js';
import { OutcomeOrder } from './outcome-order.js';
import type { LogLine } from '../task-log.js';
import { Sources } from './sources.js';
import { OutcomesByAge } from './outcomes-by-age.js';
import { type Listed, TaskList } from './task-list.js';
import { notThere, resultDropped, unknownFunction } from './refusals.js';

const NO_LINES: readonly LogLine[] = [];

/** How a task ended. */
interface End {
  readonly at: number;
  readonly runMs: number;
  readonly course: TaskRecord['course'];
  readonly outcome: TaskOutcome | undefined;
  readonly log: readonly LogLine[];
}

/** One task. Kept small while it waits: there may be a million. */
class Row implements Listed {
  state: TaskState = 'pending';
  attempt = 0;
  startedAt: number | undefined = undefined;
  claim: Claim | undefined = undefined;
  /** What has settled it; of one that was dropped, without what it came to. */
  end: End | undefined = undefined;
  isDropped = false;
  /** Rises with every outcome. */
  settledOrder = -1;
  spec: TaskSpec;
  /** Rises with every task. */
  readonly order: number;

  constructor(spec: TaskSpec, order: number) {
    this.spec = spec;
    this.order = order;
  }

  get settledAt(): number | undefined {
    return this.end?.at;
  }

  get runMs(): number {
    return this.end?.runMs ?? 0;
  }

  get course(): TaskRecord['course'] {
    return this.end?.course;
  }

  get outcome(): TaskOutcome | undefined {
    return this.end?.outcome;
  }

  get failure(): TaskRecord['failure'] {
    return this.outcome?.state === 'succeeded' ? undefined : this.outcome?.failure;
  }
}

/** Tasks in the coordinator's memory: gone with its process. */
export class MemoryTaskStore implements TaskStore {
  readonly isDurable = false;
  readonly #rows = new Map<TaskId, Row>();
  readonly #byKey = new Map<string, Row>();
  readonly #list = new TaskList<Row>((row) => this.#rows.get(row.spec.id) === row);
  readonly #byAge = new OutcomesByAge<Row>();
  readonly #dropped = new Set<Row>();
  readonly #outcomes = new OutcomeOrder<Row>();
  readonly #functions = new Map<string, { fn: ShippedFunction; users: number }>();
  readonly #sources = new Sources();
  #order = 0;

  add(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): Promise<AddedTask[]> {
    return promised(() => {
      const sent = new Map(functions.map((fn) => [fn.id as string, fn]));
      const rows = tasks.map((spec) => this.#rows.get(spec.id) ?? this.#ofKey(spec.key));
      const ids = new Set(tasks.map(({ id }) => id));
      tasks.forEach((spec, index) => {
        if (!rows[index]) this.#check(spec, ids, sent);
      });
      return tasks.map((spec): AddedTask => {
        // Of two alike in one request the first is there by now.
        const known = this.#rows.get(spec.id) ?? this.#ofKey(spec.key);
        const row = known ?? this.#insert(spec, sent);
        const { unsettled, upstream } = this.#before(row.spec);
        return { id: row.spec.id, isNew: known === undefined, unsettled, upstream };
      });
    });
  }

  async *unsettled(): AsyncIterable<UnsettledTask[]> {
    // Nothing outlives this process, and whoever asks at the start finds nothing.
  }

  claim(ids: readonly TaskId[], by: Claim, now: number): Promise<(ClaimedTask | undefined)[]> {
    return promised(() =>
      ids.map((id) => {
        const row = this.#rows.get(id);
        if (!row || isSettled(row.state) || (row.claim && row.claim.until > now)) return undefined;
        const fn = this.#functions.get(row.spec.functionId)?.fn;
        if (!fn) throw unknownFunction(row.spec);
        row.state = 'running';
        row.claim = by;
        row.attempt += 1;
        return { spec: row.spec, fn, attempt: row.attempt };
      }),
    );
  }

  renew(attempts: readonly AttemptKey[], by: Claim): Promise<void> {
    return promised(() => {
      for (const { id, attempt } of attempts) {
        const row = this.#rows.get(id);
        if (row?.claim?.holder === by.holder && row.attempt === attempt) row.claim = by;
      }
    });
  }

  release(attempts: readonly AttemptKey[]): Promise<void> {
    return promised(() => {
      for (const { id, attempt } of attempts) {
        const row = this.#rows.get(id);
        if (row?.state !== 'running' || row.attempt !== attempt) continue;
        row.state = 'pending';
        row.claim = undefined;
      }
    });
  }

  settle(settlements: readonly Settlement[]): Promise<boolean[]> {
    return promised(() =>
      settlements.map(({ id, attempt, retries = 0, startedAt, outcome, at, course, log = NO_LINES }) => {
        const row = this.#rows.get(id);
        if (!row || isSettled(row.state) || row.attempt !== attempt) return false;
        row.state = outcome.state;
        row.attempt += retries;
        row.startedAt = startedAt ?? row.startedAt;
        row.end = { at, runMs: outcome.runMs, course, outcome, log };
        row.claim = undefined;
        this.#outcomes.add(row);
        this.#byAge.add(row);
        if (outcome.state === 'succeeded') this.#forgetCall(row);
        return true;
      }),
    );
  }

  find(ids: readonly TaskId[]): Promise<(TaskRecord | undefined)[]> {
    return promised(() => ids.map((id) => this.#rows.get(id)));
  }

  outcomes(ids: readonly TaskId[]): Promise<(TaskOutcome | 'dropped' | undefined)[]> {
    return promised(() =>
      ids.map((id) => {
        const row = this.#rows.get(id);
        return row?.isDropped ? 'dropped' : row?.outcome;
      }),
    );
  }

  logs(id: TaskId): Promise<readonly LogLine[]> {
    return promised(() => this.#rows.get(id)?.end?.log ?? NO_LINES);
  }

  source(id: TaskId): Promise<string> {
    return promised(() => {
      const row = this.#rows.get(id);
      return row && !row.isDropped ? this.#sources.of(row.spec.functionId) : '';
    });
  }

  list(query: ListQuery): Promise<TaskPage> {
    return promised(() => this.#list.page(query));
  }

  settled({ limit, cursor }: SettledQuery): Promise<TaskPage> {
    return promised(() => {
      const { rows, last } = this.#outcomes.page(cursor === undefined ? -1 : Number(cursor), limit);
      return { tasks: rows, cursor: last === undefined ? undefined : String(last) };
    });
  }

  retry(ids: readonly TaskId[]): Promise<(UnsettledTask | undefined)[]> {
    return promised(() =>
      ids.map((id) => {
        const row = this.#rows.get(id);
        if (!row || row.isDropped || (row.state !== 'failed' && row.state !== 'cancelled')) return undefined;
        this.#byAge.delete(row);
        row.state = 'pending';
        row.spec = { ...row.spec, notBefore: 0, deadlineAt: undefined };
        row.end = undefined;
        this.#outcomes.remove(row);
        return { spec: row.spec, attempt: row.attempt, wasClaimed: false, ...this.#before(row.spec) };
      }),
    );
  }

  expendable(rule: RetentionRule): Promise<TaskId[]> {
    return promised(() => this.#byAge.expendable(rule));
  }

  drop(ids: readonly TaskId[]): Promise<void> {
    return promised(() => {
      for (const id of ids) {
        const row = this.#rows.get(id);
        if (!row || !isSettled(row.state) || row.isDropped) continue;
        if (row.state !== 'succeeded') this.#forgetCall(row);
        this.#sources.leave(row.spec.functionId);
        this.#byAge.delete(row);
        row.isDropped = true;
        this.#outcomes.remove(row);
        if (row.end) row.end = { ...row.end, outcome: undefined, log: NO_LINES };
        if (row.spec.key !== undefined && this.#byKey.get(row.spec.key) === row)
          this.#byKey.delete(row.spec.key);
        this.#dropped.add(row);
      }
      for (const row of this.#dropped) {
        if (this.#dropped.size <= MAX_DROPPED) break;
        this.#dropped.delete(row);
        this.#rows.delete(row.spec.id);
      }
      this.#list.compact(this.#rows.size);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #check(spec: TaskSpec, ids: ReadonlySet<TaskId>, sent: ReadonlyMap<string, ShippedFunction>): void {
    if (!sent.has(spec.functionId) && !this.#functions.has(spec.functionId)) throw unknownFunction(spec);
    for (const id of spec.after) if (!ids.has(id) && !this.#rows.has(id)) throw notThere(spec, id);
    for (const { id } of spec.results) if (this.#rows.get(id)?.isDropped) throw resultDropped(spec, id);
  }

  #insert(spec: TaskSpec, sent: ReadonlyMap<string, ShippedFunction>): Row {
    const row = new Row(spec, this.#order++);
    this.#rows.set(spec.id, row);
    this.#list.add(row);
    if (spec.key !== undefined) this.#byKey.set(spec.key, row);
    const known = this.#functions.get(spec.functionId);
    const fn = sent.get(spec.functionId);
    this.#sources.use(spec.functionId, fn?.preview);
    if (known) known.users += 1;
    else if (fn) this.#functions.set(spec.functionId, { fn, users: 1 });
    return row;
  }

  #ofKey(key: string | undefined): Row | undefined {
    return key === undefined ? undefined : this.#byKey.get(key);
  }

  #before({ after }: TaskSpec): Pick<AddedTask, 'unsettled' | 'upstream'> {
    if (after.length === 0) return NOTHING_BEFORE;
    const rows = after.map((id) => this.#rows.get(id));
    return {
      unsettled: after.filter((_, index) => rows[index] && !isSettled(rows[index].state)),
      upstream: rows.find((row) => row?.state === 'failed' || row?.state === 'cancelled')?.spec.id,
    };
  }

  /** It will not run again: what that would take goes. */
  #forgetCall(row: Row): void {
    const { id, preview } = row.spec;
    row.spec = specOf(row.spec, { id, args: NO_ARGUMENTS, preview });
    const used = this.#functions.get(row.spec.functionId);
    if (used && --used.users === 0) this.#functions.delete(row.spec.functionId);
  }
}

const NOTHING_BEFORE: Pick<AddedTask, 'unsettled' | 'upstream'> = { unsettled: [], upstream: undefined };
const NO_ARGUMENTS: TaskSpec['args'] = { encoding: 'V8', data: new Uint8Array(0) };

/** What it gives, or throws, by a promise. */
function promised<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => resolve(action()));
}
