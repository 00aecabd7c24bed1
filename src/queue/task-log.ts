import type { LineMark } from '../core/queue/line-mark.js';

/** Of what a task prints the newest is kept, up to so many characters. */
const MAX_CHARACTERS = 64 * 1024;

/** What a task has printed at once. */
export interface LogLine extends LineMark {
  /** Without the end of the line; several lines where they were printed at once. */
  text: string;
  isError: boolean;
}

export interface TaskProgress {
  fraction: number;
  note: string | undefined;
}

/** What a task tells while it runs. */
export type TaskNews = { line: LogLine } | { progress: TaskProgress };

/** What a task has told since it was claimed: its progress, and of what it printed the end. */
export class TaskLog {
  lines: LogLine[] = [];
  progress: TaskProgress | undefined = undefined;
  #characters = 0;
  #attempt = 0;
  #count = 0;

  add(attempt: number, text: string, isError: boolean, at: number): LogLine {
    if (attempt !== this.#attempt) this.#count = 0;
    this.#attempt = attempt;
    const line: LogLine = {
      attempt,
      number: ++this.#count,
      at,
      text: text.slice(-MAX_CHARACTERS),
      isError,
    };
    this.lines.push(line);
    this.#characters += line.text.length;
    let gone = 0;
    while (this.#characters > MAX_CHARACTERS) this.#characters -= this.lines[gone++]?.text.length ?? 0;
    if (gone > 0) this.lines.splice(0, gone);
    return line;
  }
}
