import type { TaskId } from '../../core/ids.js';
import type { Statement } from './sqlite-schema.js';

/** What people are shown of functions, by the function: kept as long as one of its tasks is, which is longer than the function. */
export class SqliteSources {
  readonly #sql: (text: string) => Statement;

  constructor(sql: (text: string) => Statement) {
    this.#sql = sql;
  }

  /** So many tasks more have this function. @param text as it came with the function, where that came along. */
  use(functionId: string, tasks: number, text = ''): void {
    this.#sql(
      'INSERT INTO sources (function, text, users) VALUES (?, ?, ?) ON CONFLICT (function) DO UPDATE ' +
        "SET users = users + excluded.users, text = CASE text WHEN '' THEN excluded.text ELSE text END",
    ).run([functionId, text, tasks]);
  }

  /** Of a task that is dropped. */
  leave(id: TaskId): void {
    const ofTask = 'function = (SELECT function FROM tasks WHERE id = ?)';
    this.#sql(`UPDATE sources SET users = users - 1 WHERE ${ofTask}`).run([id]);
    this.#sql(`DELETE FROM sources WHERE ${ofTask} AND users <= 0`).run([id]);
  }

  of(id: TaskId): string {
    const row = this.#sql(
      'SELECT text FROM tasks JOIN sources USING (function) WHERE tasks.id = ? AND dropped = 0',
    ).get([id]);
    return String(row?.['text'] ?? '');
  }
}
