import { createLogUpdate } from 'log-update';
import { timeLeftMs } from '../scripts/plan.js';
import type { Results, ScriptResult } from '../scripts/results.js';
import type { FolderListener } from '../scripts/run-folder.js';
import type { Script } from '../scripts/script.js';
import { plain } from './plain.js';
import { counted, cut, tableLines } from './table.js';

const REDRAW_MS = 200;
const BAR_WIDTH = 20;
/** How much of a script's name the summary shows: what became of it is to fit beside. */
const NAME_WIDTH = 30;
/** What the terminal needs beside the rows: the head, the bar, and where the cursor stands. */
const LINES_AROUND = 3;
/** How much of a failed script's stderr the summary shows, in lines. */
const STDERR_LINES = 12;

/** Shows what happens, for as long as scripts run. */
export interface View extends FolderListener {
  close(): void;
}

/** A line for each thing that happens. */
export class PlainView implements View {
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  began(scripts: readonly Script[], _: unknown, isSequential: boolean): void {
    this.#print(`${counted(scripts.length, 'script')}${isSequential ? ', one after another' : ''}`);
  }

  started({ name }: Script, worker: string, attempt: number): void {
    this.#print(`started    ${name} on ${worker}${attempt > 1 ? `, attempt ${attempt}` : ''}`);
  }

  ended(result: ScriptResult): void {
    const took = result.ms === null ? '' : ` ${seconds(result.ms)}`;
    this.#print(`${result.state.padEnd(10)} ${result.name}${took}${because(result)}`);
  }

  close(): void {
    // Nothing is left open.
  }
}

interface Running {
  worker: string;
  since: number;
  line: string;
}

/** A table of what runs, drawn again and again, with a bar below. */
export class LiveView implements View {
  readonly #stream: NodeJS.WriteStream;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Map<string, Running>();
  #left = new Map<string, number | undefined>();
  #count = 0;
  #failed = 0;
  #finished: number[] = [];
  #title = '';
  #isExecuted = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#draw = createLogUpdate(stream);
    this.#timer = setInterval(() => this.#redraw(), REDRAW_MS);
  }

  began(scripts: readonly Script[], expected: ReadonlyMap<string, number>, isSequential: boolean): void {
    this.#left = new Map(scripts.map(({ name }) => [name, expected.get(name)]));
    this.#count = scripts.length;
    this.#failed = 0;
    this.#finished = [];
    this.#title = isSequential ? 'one after another: ' : '';
    this.#redraw();
  }

  started({ name }: Script, worker: string): void {
    this.#running.set(name, { worker, since: performance.now(), line: '' });
    this.#redraw();
  }

  printed({ name }: Script, line: string): void {
    const running = this.#running.get(name);
    if (running) running.line = line;
  }

  ended({ name, state, ms }: ScriptResult): void {
    this.#running.delete(name);
    this.#left.delete(name);
    if (state === 'failed') this.#failed += 1;
    if (ms !== null) this.#finished.push(ms);
    this.#redraw();
  }

  executed(): void {
    this.#isExecuted = true;
    this.#draw('packaging');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#draw.clear();
    this.#draw.done();
  }

  #redraw(): void {
    if (this.#isExecuted) return;
    const { columns = 80, rows = 24 } = this.#stream;
    const room = Math.max(1, rows - LINES_AROUND);
    const now = performance.now();
    const table = tableLines(
      ['script', 'state', 'worker', 'time', 'last line of its output'],
      [...this.#running]
        .slice(0, room)
        .map(([name, { worker, since, line }]) => [name, 'running', worker, seconds(now - since), line]),
      { widths: widthsFor(columns), width: columns },
    );
    const done = this.#count - this.#left.size;
    const filled = this.#count === 0 ? BAR_WIDTH : Math.round((done / this.#count) * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const left = timeLeftMs([...this.#left.values()], this.#finished, this.#running.size);
    const words = [
      `${this.#title}${done} of ${counted(this.#count, 'script')}`,
      ...(this.#failed > 0 ? [`${this.#failed} failed`] : []),
      ...(this.#left.size > this.#running.size ? [`${this.#left.size - this.#running.size} waiting`] : []),
      ...(left === undefined || done === this.#count ? [] : [`about ${seconds(left)} left`]),
    ];
    this.#draw([...table, cut(`${bar} ${words.join(', ')}`, columns)].join('\n'));
  }
}

/** What became of each script, the times, and what went wrong. */
export function summaryOf(results: Results, archive: string, archiveBytes: number): string {
  const { scripts, executionMs, packagingMs, sumMs, sequentialMs, post } = results;
  const table = tableLines(
    ['script', 'state', 'exit', 'time', 'attempts', 'worker', 'files'],
    scripts.map(({ name, state, exitCode, signal, ms, attempts, worker, files, kept }) => [
      cut(name, NAME_WIDTH),
      kept ? 'kept' : state,
      String(exitCode ?? signal ?? ''),
      seconds(ms),
      String(attempts),
      worker ?? '',
      String(files.length),
    ]),
    { numbers: ['exit', 'time', 'attempts', 'files'] },
  );
  const total = (packagingMs ?? 0) + executionMs;
  const lines = [
    ...table,
    '',
    `Execution Time:        ${seconds(executionMs)}`,
    `Packaging Time:        ${seconds(packagingMs)}   ${archive} (${Math.ceil(archiveBytes / 1024)} kB)`,
    `Total Execution Time:  ${seconds(total)}`,
    ...speedUp(executionMs, sumMs),
    ...(sequentialMs === null ? [] : comparison(executionMs, sequentialMs)),
    ...(post === null ? [] : ['error' in post ? `--post failed: ${post.error}` : '--post: done']),
    ...scripts.filter(({ state }) => state === 'failed').map(obituary),
    countsOf(results),
  ];
  return lines.join('\n');
}

function speedUp(executionMs: number, sumMs: number): string[] {
  if (executionMs === 0) return [];
  return [`Sum of their times:    ${seconds(sumMs)}, ${(sumMs / executionMs).toFixed(2)} times what it took`];
}

/** As 47 % are saved when 19 s become 10 s. */
function comparison(parallelMs: number, sequentialMs: number): string[] {
  const share = sequentialMs === 0 ? 1 : parallelMs / sequentialMs;
  return [
    `One after another:     ${seconds(sequentialMs)}`,
    `In parallel:           ${seconds(parallelMs)}, ${share.toFixed(2)} of it: ${Math.round((1 - share) * 100)} % saved`,
  ];
}

function obituary(result: ScriptResult): string {
  const tail = result.stderr.split('\n').slice(-STDERR_LINES).map(plain);
  const indented = tail.filter((line) => line !== '').map((line) => `    ${line}`);
  return [`${plain(result.name)}${because(result)}`, ...indented].join('\n');
}

function because({ failure }: ScriptResult): string {
  return failure ? `: ${plain(failure.message)}` : '';
}

function countsOf({ succeeded, failed, cancelled, scripts }: Results): string {
  const kept = scripts.filter((script) => script.kept).length;
  return [
    `${succeeded} succeeded${kept > 0 ? ` (${kept} of them kept from before)` : ''}`,
    `${failed} failed`,
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
  ].join(', ');
}

/** All but the first and the last column are of known width. */
function widthsFor(columns: number): number[] {
  const [state, worker, time] = [11, 12, 10];
  const rest = Math.max(30, columns - state - worker - time);
  const name = Math.min(32, Math.floor(rest / 2));
  return [name, state, worker, time, rest - name];
}

function seconds(ms: number | null): string {
  return ms === null ? '' : `${(ms / 1_000).toFixed(2)} s`;
}
