import { deserialize, serialize } from 'node:v8';
import { functionId, type TaskId } from '../../core/ids.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import { unknownFunction } from './refusals.js';
import type { Statement } from './sqlite-schema.js';

/**
 * The functions in a database, each as long as a task may still run it; and what people are shown of them, which is kept as long as
 * one of their tasks is.
 */
export class SqliteFunctions {
  readonly #sql: (text: string) => Statement;

  constructor(sql: (text: string) => Statement) {
    this.#sql = sql;
  }

  has(id: string): boolean {
    return this.#sql('SELECT 1 FROM functions WHERE id = ?').get([id]) !== undefined;
  }

  /** @throws PoolError `code-unknown` */
  of({ functionId: id, name }: { functionId: string; name: string }): ShippedFunction {
    const row = this.#sql('SELECT source, parts FROM functions WHERE id = ?').get([id]);
    if (!row) throw unknownFunction({ name, functionId: id });
    const parts = deserialize(row['parts'] as Buffer) as ShippedFunction['parts'];
    return { id: functionId(id), source: String(row['source']), name: '', parts, preview: '' };
  }

  /** What people are shown of a task's function; empty where nobody has said, or the task was dropped. */
  sourceOf(id: TaskId): string {
    const row = this.#sql(
      'SELECT text FROM tasks JOIN sources USING (function) WHERE tasks.id = ? AND dropped = 0',
    ).get([id]);
    return row ? (row['text'] as string) : '';
  }

  /** So many tasks more have this function. @param fn where it came along. */
  use(id: string, tasks: number, fn: ShippedFunction | undefined): void {
    this.#sql(
      'INSERT INTO sources (function, text, users) VALUES (?, ?, ?) ON CONFLICT (function) DO UPDATE ' +
        "SET users = users + excluded.users, text = CASE text WHEN '' THEN excluded.text ELSE text END",
    ).run([id, fn?.preview ?? '', tasks]);
    const used = this.#sql('UPDATE functions SET users = users + ? WHERE id = ?').run([tasks, id]);
    if (used.changes > 0 || !fn) return;
    const values = [id, fn.source, serialize(fn.parts), tasks];
    this.#sql('INSERT INTO functions (id, source, parts, users) VALUES (?, ?, ?, ?)').run(values);
  }

  /** Of a task that will not run again: what that would take goes. */
  forgetCall(id: TaskId): void {
    const row = this.#sql('SELECT function FROM tasks WHERE id = ? AND args IS NOT NULL').get([id]);
    if (!row) return;
    this.#sql('UPDATE tasks SET args = NULL WHERE id = ?').run([id]);
    this.#sql('UPDATE functions SET users = users - 1 WHERE id = ?').run([row['function']]);
    this.#sql('DELETE FROM functions WHERE id = ? AND users <= 0').run([row['function']]);
  }

  /** Of a task that is dropped. */
  forget(id: TaskId): void {
    this.forgetCall(id);
    const ofTask = 'function = (SELECT function FROM tasks WHERE id = ?)';
    this.#sql(`UPDATE sources SET users = users - 1 WHERE ${ofTask}`).run([id]);
    this.#sql(`DELETE FROM sources WHERE ${ofTask} AND users <= 0`).run([id]);
  }
}
