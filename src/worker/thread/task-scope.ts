import { type ErrorCode, PoolError } from '../../core/errors.js';
import { OutputMeter } from './output-meter.js';
import { checkProgress, type CurrentTask, type KeptValues } from '../../wire/functions/current.js';
import type { TaskNews } from '../thread-messages.js';

/** Progress is told once in so many ms at most; what comes in between, with what comes next. */
const PROGRESS_INTERVAL_MS = 10;

/** The beginning of a line that is longer than this is told before its end comes, in characters. */
const MAX_BEGUN = 64 * 1024;

/** Where goes what a task prints, beside the worker's log. */
export type Output = 'OUTPUT_UNSPECIFIED' | 'KEPT' | 'SENT' | 'BOTH';

/** Who called the tasks of a message, and what the caller wants to hear of them. */
export interface TaskOrigin {
  client: string;
  /** Of the first. */
  serial: number;
  attempt: number;
  followsProgress: boolean;
  output: Output;
}

/** The message that a task came with. */
export interface TaskSource {
  /** Of the lease, and of the first task under it. */
  readonly epoch: number;
  readonly number: number;
  readonly origin?: TaskOrigin | undefined;
  /** Where its caller has named it. */
  readonly taskId?: string;
  readonly cancelGraceMs: number;
}

/** What the scopes of one thread share. */
export interface ScopeHost {
  readonly workerId: string;
  /** How much each attempt may print. */
  readonly maxOutputBytes: number;
  readonly kept: KeptValues;
  /** The task that runs wants to hear when it is to end. */
  heeded(scope: TaskScope): void;
  tell(news: TaskNews): void;
}

/** One attempt at a task, as its own code sees it; outlives it for as long as anything that it started. */
export class TaskScope implements CurrentTask {
  readonly #source: TaskSource;
  readonly #index: number;
  readonly #host: ScopeHost;
  #controller: AbortController | undefined;
  #toldAt = -Infinity;
  #untold: { fraction: number; note: string | undefined } | undefined;
  /** The beginnings of lines. */
  #begunOut = '';
  #begunErr = '';
  #meter: OutputMeter | undefined;
  isSettled = false;
  /** Whether it has told something to whoever follows it. */
  hasTold = false;

  /** @param index among the tasks of the message. */
  constructor(source: TaskSource, index: number, host: ScopeHost) {
    this.#source = source;
    this.#index = index;
    this.#host = host;
  }

  get taskId(): string {
    const { taskId, origin, epoch } = this.#source;
    return taskId ?? `${origin?.client ?? epoch}.${this.#serial}`;
  }

  get attempt(): number {
    return this.#source.origin?.attempt ?? 1;
  }

  get cancelGraceMs(): number {
    return this.#source.cancelGraceMs;
  }

  get workerId(): string {
    return this.#host.workerId;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (!this.isSettled) this.#host.heeded(this);
    }
    return this.#controller.signal;
  }

  get heedsSignal(): boolean {
    return this.#controller !== undefined;
  }

  get isAborted(): boolean {
    return this.#controller?.signal.aborted ?? false;
  }

  /** What it was told to end for, if it was. */
  get abortedFor(): ErrorCode | undefined {
    return this.isAborted ? (this.#controller?.signal.reason as PoolError).code : undefined;
  }

  progress(fraction: number, note?: string): void {
    checkProgress(fraction, note);
    if (this.isSettled || !this.#source.origin?.followsProgress) return;
    this.#untold = { fraction, note };
    if (performance.now() - this.#toldAt >= PROGRESS_INTERVAL_MS) this.#tellProgress();
  }

  once<T>(key: string, load: () => T): T {
    return this.#host.kept.once(key, load);
  }

  /** The task is to end. */
  abort(code: ErrorCode, message: string): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(new PoolError(code, message, { mayHaveRun: true }));
  }

  /** Its outcome is known; what its code does from here on is late. */
  settled(): void {
    if (this.#untold) this.#tellProgress();
    this.#endLine(false);
    this.#endLine(true);
    this.isSettled = true;
  }

  /**
   * Its code prints something.
   *
   * @returns what goes where the worker prints as well; empty for nothing.
   */
  print(given: string, isError: boolean): string {
    this.#meter ??= new OutputMeter(this.#host.maxOutputBytes);
    const text = this.#meter.take(given);
    if (text === '') return '';
    const begun = isError ? this.#begunErr : this.#begunOut;
    // Looked for in what is new alone: a line that never ends would be searched again with every word.
    const end = text.lastIndexOf('\n');
    this.#keepBegun(end < 0 ? begun + text : text.slice(end + 1), isError);
    if (end >= 0) this.#tellPrinted(begun + text.slice(0, end), isError);
    if (this.isSettled || (isError ? this.#begunErr : this.#begunOut).length > MAX_BEGUN)
      this.#endLine(isError);
    const { output } = this.#source.origin ?? {};
    return output === 'KEPT' || output === 'SENT' ? '' : text;
  }

  /** Something went wrong that is nobody's outcome any more. */
  late(words: string): void {
    this.#tell({ kind: 'late', words });
  }

  #endLine(isError: boolean): void {
    const begun = isError ? this.#begunErr : this.#begunOut;
    if (begun === '') return;
    this.#keepBegun('', isError);
    this.#tellPrinted(begun, isError);
  }

  #keepBegun(text: string, isError: boolean): void {
    if (isError) this.#begunErr = text;
    else this.#begunOut = text;
  }

  #tellPrinted(text: string, isError: boolean): void {
    if (this.#untold) this.#tellProgress();
    const { output } = this.#source.origin ?? {};
    const isSent = output === 'SENT' || output === 'BOTH';
    this.hasTold ||= isSent;
    this.#tell({ kind: 'printed', text, isError, isSent });
  }

  #tellProgress(): void {
    const told = this.#untold;
    this.#untold = undefined;
    this.#toldAt = performance.now();
    if (!told) return;
    this.hasTold = true;
    this.#tell({ kind: 'progress', ...told });
  }

  #tell(what: TaskNews['what']): void {
    const { taskId, attempt } = this;
    const client = this.#source.origin?.client ?? '';
    this.#host.tell({ taskId, attempt, client, serial: this.#serial, what });
  }

  get #serial(): number {
    const { origin, number } = this.#source;
    return (origin?.serial ?? number) + this.#index;
  }
}
