import { setTimeout as delay } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import { PoolError } from '../core/errors.js';
import { formatSize } from '../core/size.js';
import type { PoolStatus, WorkerStatus } from '../wire/status-document.js';
import { plain } from './plain.js';
import { counted, tableLines } from './table.js';

/** How often the pool is looked at, in ms. */
const LOOK_MS = 1_000;

/** Over so many looks a rate is taken: single tasks would make it jump. */
const RATE_LOOKS = 5;

/** What a terminal needs beside the rows of the workers: the head, the line below, and where the cursor stands. */
const LINES_AROUND = 3;

/** How the pool stood at an instant, in ms on a monotonic clock. */
export interface Look {
  at: number;
  status: PoolStatus;
}

/** What two looks tell together. */
export interface Rates {
  /** Tasks of all kinds that ended; undefined where there was no look before. */
  perSecond: number | undefined;
  /** CPU in percent of one core, by worker; of those whose process was there at both looks. */
  cpu: ReadonlyMap<string, number>;
}

/** @param looks oldest first; the CPU is that since the one before the last. */
export function ratesOf(looks: readonly Look[]): Rates {
  const [oldest, before, now] = [looks[0], looks.at(-2), looks.at(-1)];
  if (!oldest || !before || !now) return { perSecond: undefined, cpu: new Map() };
  const ended = ({ status }: Look) =>
    status.workers.reduce((sum, { completed, failed }) => sum + completed + failed, 0);
  const earlier = new Map(before.status.workers.map((worker) => [worker.pid, worker]));
  const cpu = now.status.workers.flatMap(({ worker, pid, cpu_ms, uptime_ms }) => {
    const last = earlier.get(pid);
    const lived = uptime_ms - (last?.uptime_ms ?? uptime_ms);
    return last && last.uptime_ms > 0 && lived > 0
      ? [[worker, ((cpu_ms - last.cpu_ms) / lived) * 100] as const]
      : [];
  });
  return {
    // Counters begin anew with a worker; that is no negative rate.
    perSecond: (Math.max(0, ended(now) - ended(oldest)) / Math.max(1, now.at - oldest.at)) * 1_000,
    cpu: new Map(cpu),
  };
}

/** Where the looks are shown. */
export interface StatusView {
  show(status: PoolStatus, rates: Rates): void;
  /** The pool did not answer, and is asked again. */
  lost(message: string): void;
  close(): void;
}

/**
 * Shows how a pool stands, each second, until it is told to end. A pool that does not answer any more is waited for: it may be
 * started again.
 *
 * @throws PoolError where asking again does not help.
 */
export async function watchStatus(
  look: () => Promise<PoolStatus>,
  view: StatusView,
  ending: AbortSignal,
): Promise<void> {
  let looks: Look[] = [];
  const ended = new Promise<undefined>((resolve) =>
    ending.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  try {
    while (!ending.aborted) {
      try {
        // A pool that hangs is not waited for by somebody who wants to go.
        const status = await Promise.race([look(), ended]);
        if (!status) break;
        looks = [...looks, { at: performance.now(), status }].slice(-RATE_LOOKS);
        view.show(status, ratesOf(looks));
      } catch (error) {
        if (!(error instanceof PoolError) || error.code !== 'unavailable') throw error;
        looks = [];
        view.lost(error.message);
      }
      await delay(LOOK_MS, undefined, { signal: ending }).catch(() => undefined);
    }
  } finally {
    view.close();
  }
}

/** A table that is drawn again and again. */
export class LiveStatus implements StatusView {
  readonly #stream: NodeJS.WriteStream;
  readonly #draw: ReturnType<typeof createLogUpdate>;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#draw = createLogUpdate(stream);
  }

  show(status: PoolStatus, rates: Rates): void {
    const { columns = 80, rows = 24 } = this.#stream;
    this.#draw(`${watchedTable(status, rates, { columns, rows })}\n${watchedLine(status, rates)}`);
  }

  lost(message: string): void {
    this.#draw(message);
  }

  /** What was shown last stays. */
  close(): void {
    this.#draw.done();
  }
}

/** A line for each look. */
export class PlainStatus implements StatusView {
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  show(status: PoolStatus, rates: Rates): void {
    this.#print(`${new Date().toISOString()} ${watchedLine(status, rates)}`);
  }

  lost(message: string): void {
    this.#print(`${new Date().toISOString()} ${message}`);
  }

  close(): void {
    // Nothing is left open.
  }
}

/** The status document as JSON, a line for each look. */
export class JsonStatus extends PlainStatus {
  readonly #line: (line: string) => void;

  /** @param complain where it is said that the pool does not answer: that is no document. */
  constructor(print: (line: string) => void, complain: (line: string) => void) {
    super(complain);
    this.#line = print;
  }

  override show(status: PoolStatus): void {
    this.#line(JSON.stringify(status));
  }
}

/** No wider than the terminal, and no higher. */
export function watchedTable(
  { workers }: PoolStatus,
  { cpu }: Rates,
  { columns, rows }: { columns: number; rows: number },
): string {
  const room = Math.max(1, rows - LINES_AROUND);
  // The last line says how many are left out.
  const shown = workers.length > room ? workers.slice(0, room - 1) : workers;
  const lines = tableLines(
    ['worker', 'state', 'cpu', 'memory', 'completed', 'failed', 'task'],
    shown.map((worker) => row(worker, cpu.get(worker.worker))),
    { numbers: ['cpu', 'memory', 'completed', 'failed'], width: columns },
  );
  const hidden = workers.length - shown.length;
  return [...lines, ...(hidden > 0 ? [`and ${hidden} more`] : [])].join('\n');
}

function row(worker: WorkerStatus, cpu: number | undefined): string[] {
  const { completed, failed, rss_bytes: bytes } = worker;
  return [
    worker.worker,
    stateOf(worker),
    cpu === undefined ? '' : `${cpu.toFixed(0)} %`,
    bytes === 0 ? '' : formatSize(bytes),
    String(completed),
    String(failed),
    runningTasks(worker),
  ];
}

/** Whether it is free, or what keeps it from taking tasks. */
export function stateOf({ phase, busy }: WorkerStatus): string {
  if (phase !== 'running') return phase;
  return busy ? 'busy' : 'free';
}

/** What a worker runs, and for how long, without anything that a terminal would obey. */
export function runningTasks({ tasks }: Pick<WorkerStatus, 'tasks'>): string {
  return tasks.map(({ name, running_ms: ms }) => `${plain(name)} ${(ms / 1_000).toFixed(1)} s`).join(', ');
}

/** How the pool stands in one line. */
export function statusLine({ workers, queue, wanted, code }: PoolStatus): string {
  const busy = workers.filter((worker) => worker.busy).length;
  const there = workers.length < wanted ? `${workers.length} of ` : '';
  const only = code === 'named' ? '; registered functions only' : '';
  return `${there}${counted(Math.max(workers.length, wanted), 'worker')}, ${busy} busy, ${queue.pending} waiting${only}`;
}

function watchedLine(status: PoolStatus, { perSecond, cpu }: Rates): string {
  const share = [...cpu.values()].reduce((sum, each) => sum + each, 0);
  const bytes = status.workers.reduce((sum, worker) => sum + worker.rss_bytes, 0);
  return [
    statusLine(status),
    ...(perSecond === undefined
      ? []
      : [`${perSecond.toFixed(1)} tasks a second`, `CPU ${share.toFixed(0)} %`]),
    formatSize(bytes),
  ].join(', ');
}
