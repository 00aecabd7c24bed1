/** Of what a task prints the newest is kept, up to so many characters. */
const MAX_CHARACTERS = 64 * 1024;

/** What a task has printed at once. */
export interface LogLine {
  /** Of the task, as it was claimed. */
  attempt: number;
  /** From 1 in each attempt. */
  number: number;
  /** In ms since 1970, as it came here. */
  at: number;
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

/** What one attempt has told so far: its progress, and of what it printed the end. */
export class TaskLog {
  readonly #attempt: number;
  lines: LogLine[] = [];
  progress: TaskProgress | undefined = undefined;
  #characters = 0;
  #count = 0;

  constructor(attempt: number) {
    this.#attempt = attempt;
  }

  add(text: string, isError: boolean, at: number): LogLine {
    const line: LogLine = {
      attempt: this.#attempt,
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
