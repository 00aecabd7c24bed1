import { bufferOf } from '../../wire/values/buffer.js';
import { taskId, type TaskId } from '../../core/ids.js';
import { isSettled, TASK_STATES } from '../../core/queue/task.js';
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
  UnsettledTask,
} from '../store.js';
import { MAX_DROPPED } from '../retention.js';
import type { LogLine } from '../task-log.js';
import { notThere, resultDropped, unknownFunction } from './refusals.js';
import { lowered, TEXT_OF_ROW } from './task-text.js';
import type { Database, Row, Statement } from './sqlite-schema.js';
import { SqliteFunctions } from './sqlite-functions.js';
import { outcomeOf, partsOf, payloadOf, recordOf, specOf, stateOf, textOf } from './sqlite-rows.js';

/** How many tasks one page may look at. */
const PAGE_LOOKS = 50_000;

type Before = Pick<AddedTask, 'unsettled' | 'upstream'>;

/** A task that has no outcome. Its spec is as it is written: a text is handed to another thread for less, and read there. */
export type WrittenTask = Omit<UnsettledTask, 'spec'> & { spec: string };

/** So it stands in a spec, and never inside a text there. */
const AFTER_NOTHING = '"after":[]';
const BEFORE_NOTHING: Before = { unsettled: [], upstream: undefined };

const RECORD = 'ord, spec, state, attempt, started_at, settled_at, run_ms, failure, course, dropped';

/** The tasks in a database. What a method does is part of whatever transaction is open. */
export class SqliteTasks {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();
  readonly #functions = new SqliteFunctions((text) => this.#sql(text));

  constructor(database: Database) {
    this.#database = database;
  }

  /** Refuses before it writes anything. */
  add(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): AddedTask[] {
    const sent = new Map(functions.map((fn) => [fn.id as string, fn]));
    const ids = new Set(tasks.map(({ id }) => id));
    const known = new Set<string>();
    for (const spec of tasks) if (!this.#existing(spec)) this.#check(spec, ids, sent, known);
    const counts = new Map<string, number>();
    const added = tasks.map((spec) => {
      const existing = this.#existing(spec);
      if (!existing) {
        this.#insert(spec);
        counts.set(spec.functionId, (counts.get(spec.functionId) ?? 0) + 1);
      }
      return { id: existing ?? spec.id, isNew: existing === undefined, after: spec.after };
    });
    for (const [id, users] of counts) this.#functions.use(id, users, sent.get(id));
    return added.map(({ id, isNew, after }) => ({ id, isNew, ...this.#before(after) }));
  }

  unsettled(afterOrder: number, limit: number): { tasks: WrittenTask[]; last: number } {
    const rows = this.#sql(
      'SELECT ord, spec, attempt, holder FROM tasks WHERE state < 2 AND ord > ? ORDER BY ord LIMIT ?',
    ).all([afterOrder, limit]);
    const tasks = rows.map((row): WrittenTask => {
      const spec = row['spec'] as string;
      const isFirst = spec.includes(AFTER_NOTHING);
      return {
        spec,
        attempt: Number(row['attempt']),
        wasClaimed: row['holder'] !== null,
        ...(isFirst ? BEFORE_NOTHING : this.#before(specOf(row).after)),
      };
    });
    return { tasks, last: Number(rows.at(-1)?.['ord'] ?? afterOrder) };
  }

  /** Claims of an earlier life are over: whoever has the files alone knows that their holders are gone. Whose they were stays. */
  endClaims(): void {
    this.#sql('UPDATE tasks SET state = 0, claimed_until = NULL WHERE state = 1').run([]);
  }

  claim(ids: readonly TaskId[], { holder, until }: Claim, now: number): (ClaimedTask | undefined)[] {
    const update = this.#sql(
      'UPDATE tasks SET state = 1, attempt = attempt + 1, holder = ?, claimed_until = ? ' +
        'WHERE id = ? AND (state = 0 OR (state = 1 AND claimed_until <= ?))',
    );
    const select = this.#sql('SELECT spec, encoding, args, attempt, function FROM tasks WHERE id = ?');
    const functions = new Map<string, ShippedFunction>();
    return ids.map((id) => {
      if (update.run([holder, until, id, now]).changes === 0) return undefined;
      const row = select.get([id]) as Row;
      const spec = specOf(row);
      const fn = functions.get(spec.functionId) ?? this.#functions.of(spec);
      functions.set(spec.functionId, fn);
      const args = payloadOf(row['encoding'], row['args']);
      return { spec: { ...spec, args }, fn, attempt: Number(row['attempt']) };
    });
  }

  renew(attempts: readonly AttemptKey[], { holder, until }: Claim): void {
    const update = this.#sql(
      'UPDATE tasks SET claimed_until = ? WHERE id = ? AND attempt = ? AND holder = ? AND state = 1',
    );
    for (const { id, attempt } of attempts) update.run([until, id, attempt, holder]);
  }

  release(attempts: readonly AttemptKey[]): void {
    const update = this.#sql(
      'UPDATE tasks SET state = 0, holder = NULL, claimed_until = NULL WHERE id = ? AND attempt = ? AND state = 1',
    );
    for (const { id, attempt } of attempts) update.run([id, attempt]);
  }

  settle(settlements: readonly Settlement[]): boolean[] {
    const update = this.#sql(
      'UPDATE tasks SET state = ?, settled_at = ?, run_ms = ?, failure = ?, outcome_encoding = ?, outcome = ?, course = ?, log = ?, ' +
        'attempt = attempt + ?, started_at = coalesce(?, started_at), holder = NULL, claimed_until = NULL WHERE id = ? AND attempt = ? AND state < 2',
    );
    return settlements.map(({ id, attempt, retries = 0, startedAt, outcome, at, course, log }) => {
      const { words, payload } = partsOf(outcome);
      const state = TASK_STATES.indexOf(outcome.state);
      const data = payload ? bufferOf(payload.data) : null;
      const values = [state, at, outcome.runMs, words, payload?.encoding ?? null, data];
      const told = [textOf(course), textOf(log), retries, startedAt ?? null];
      if (update.run([...values, ...told, id, attempt]).changes === 0) return false;
      if (outcome.state === 'succeeded') this.#functions.forgetCall(id);
      return true;
    });
  }

  find(ids: readonly TaskId[]): (TaskRecord | undefined)[] {
    const select = this.#sql(`SELECT ${RECORD} FROM tasks WHERE id = ?`);
    return ids.map((id) => {
      const row = select.get([id]);
      return row ? recordOf(row) : undefined;
    });
  }

  outcomes(ids: readonly TaskId[]): (TaskOutcome | 'dropped' | undefined)[] {
    const select = this.#sql(
      'SELECT state, run_ms, failure, outcome_encoding, outcome, dropped FROM tasks WHERE id = ?',
    );
    return ids.map((id) => {
      const row = select.get([id]);
      return row ? outcomeOf(row) : undefined;
    });
  }

  logs(id: TaskId): readonly LogLine[] {
    const text = this.#sql('SELECT log FROM tasks WHERE id = ?').get([id])?.['log'];
    return typeof text === 'string' ? (JSON.parse(text) as LogLine[]) : [];
  }

  source(id: TaskId): string {
    return this.#functions.sourceOf(id);
  }

  list({ states, name, group, client, text, limit, cursor }: ListQuery): TaskPage {
    const below = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    const wanted = states.map((state) => TASK_STATES.indexOf(state)).join(',');
    const rows = this.#sql(
      `SELECT ${RECORD} FROM (SELECT * FROM tasks WHERE ord < ? ORDER BY ord DESC LIMIT ${PAGE_LOOKS}) WHERE ` +
        (wanted === '' ? '1' : `state IN (${wanted})`) +
        ' AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR group_name = ?3)' +
        " AND (?5 IS NULL OR json_extract(spec, '$.client') = ?5)" +
        ` AND (?6 IS NULL OR instr(${TEXT_OF_ROW}, ?6) > 0) ORDER BY ord DESC LIMIT ?4`,
    ).all([below, name ?? null, group ?? null, limit, client ?? null, text ? lowered(text) : null]);
    const tasks = rows.map(recordOf);
    const looked = this.#sql(
      `SELECT min(ord) AS low FROM (SELECT ord FROM tasks WHERE ord < ? ORDER BY ord DESC LIMIT ${PAGE_LOOKS})`,
    ).get([below])?.['low'];
    const end = rows.length === limit ? Number(rows.at(-1)?.['ord']) : Number(looked ?? 0);
    const hasMore = this.#sql('SELECT 1 FROM tasks WHERE ord < ? LIMIT 1').get([end]) !== undefined;
    return { tasks, cursor: hasMore ? String(end) : undefined };
  }

  settled({ limit, cursor }: SettledQuery): TaskPage {
    const [at, order] = cursor === undefined ? [-1, 0] : cursor.split('-').map(Number);
    const rows = this.#sql(
      `SELECT ${RECORD} FROM tasks WHERE settled_at IS NOT NULL AND dropped = 0 AND (settled_at, ord) > (?, ?) ` +
        'ORDER BY settled_at, ord LIMIT ?',
    ).all([at, order, limit]);
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      tasks: rows.map(recordOf),
      cursor: last && `${Number(last['settled_at'])}-${Number(last['ord'])}`,
    };
  }

  retry(ids: readonly TaskId[]): (UnsettledTask | undefined)[] {
    const update = this.#sql(
      'UPDATE tasks SET state = 0, settled_at = NULL, failure = NULL, outcome = NULL, outcome_encoding = NULL, course = NULL, log = NULL ' +
        'WHERE id = ? AND state IN (3, 4) AND dropped = 0',
    );
    const select = this.#sql('SELECT spec, attempt FROM tasks WHERE id = ?');
    const renew = this.#sql('UPDATE tasks SET spec = ? WHERE id = ?');
    return ids.map((id) => {
      if (update.run([id]).changes === 0) return undefined;
      const row = select.get([id]) as Row;
      const spec = { ...specOf(row), notBefore: 0, deadlineAt: undefined };
      renew.run([JSON.stringify(spec), id]);
      return { spec, attempt: Number(row['attempt']), wasClaimed: false, ...this.#before(spec.after) };
    });
  }

  expendable({ states, before, most }: RetentionRule): TaskId[] {
    const wanted = states.map((state) => TASK_STATES.indexOf(state)).join(',');
    const kept = Number(
      this.#sql(
        `SELECT count(*) AS n FROM tasks WHERE settled_at IS NOT NULL AND dropped = 0 AND state IN (${wanted})`,
      ).get([])?.['n'] ?? 0,
    );
    const oldest = this.#sql(
      `SELECT id, settled_at FROM tasks WHERE settled_at IS NOT NULL AND dropped = 0 AND state IN (${wanted}) ` +
        'ORDER BY settled_at LIMIT 1000',
    ).all([]);
    return oldest
      .filter((row, index) => index < kept - most || Number(row['settled_at']) < before)
      .map((row) => taskId(String(row['id'])));
  }

  drop(ids: readonly TaskId[]): void {
    const update = this.#sql(
      'UPDATE tasks SET dropped = 1, outcome = NULL, outcome_encoding = NULL, log = NULL, key = NULL WHERE id = ? AND state >= 2 AND dropped = 0',
    );
    for (const id of ids) if (update.run([id]).changes > 0) this.#functions.forget(id);
    const surplus =
      Number(this.#sql('SELECT count(*) AS n FROM tasks WHERE dropped = 1').get([])?.['n'] ?? 0) -
      MAX_DROPPED;
    if (surplus > 0)
      this.#sql(
        'DELETE FROM tasks WHERE ord IN (SELECT ord FROM tasks WHERE dropped = 1 ORDER BY ord LIMIT ?)',
      ).run([surplus]);
  }

  #check(
    spec: TaskSpec,
    ids: ReadonlySet<TaskId>,
    sent: ReadonlyMap<string, ShippedFunction>,
    known: Set<string>,
  ): void {
    if (!sent.has(spec.functionId) && !known.has(spec.functionId)) {
      if (!this.#functions.has(spec.functionId)) throw unknownFunction(spec);
      known.add(spec.functionId);
    }
    const select = this.#sql('SELECT dropped FROM tasks WHERE id = ?');
    for (const id of spec.after) if (!ids.has(id) && !select.get([id])) throw notThere(spec, id);
    for (const { id } of spec.results) if (select.get([id])?.['dropped'] === 1) throw resultDropped(spec, id);
  }

  #insert(spec: TaskSpec): void {
    const { id, name, functionId: fn, group, key, args, ...kept } = spec;
    this.#sql(
      'INSERT INTO tasks (id, name, function, group_name, key, spec, encoding, args, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)',
    ).run([
      id,
      name,
      fn,
      group?.name ?? null,
      key ?? null,
      JSON.stringify({ id, name, functionId: fn, group, key, ...kept }),
      args.encoding,
      bufferOf(args.data),
    ]);
  }

  /** The id of the task that is there already, by its id or by its key. */
  #existing({ id, key }: TaskSpec): TaskId | undefined {
    const byId = this.#sql('SELECT id FROM tasks WHERE id = ?').get([id]);
    const row =
      byId ?? (key === undefined ? undefined : this.#sql('SELECT id FROM tasks WHERE key = ?').get([key]));
    return row && taskId(String(row['id']));
  }

  #before(after: readonly TaskId[]): Before {
    const unsettled: TaskId[] = [];
    let upstream: TaskId | undefined;
    for (const id of after) {
      const row = this.#sql('SELECT state FROM tasks WHERE id = ?').get([id]);
      if (!row) continue;
      const state = stateOf(row);
      if (!isSettled(state)) unsettled.push(id);
      else if (state !== 'succeeded') upstream ??= id;
    }
    return { unsettled, upstream };
  }

  #sql(text: string): Statement {
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}
