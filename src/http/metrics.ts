import type { TaskId } from '../core/ids.js';
import type { PoolFace } from '../server/face.js';
import { Counter, Gauge, Histogram, Registry } from './libraries.js';

/** So many names of functions have series of their own; those that come later share one. */
const MOST_NAMES = 100;

/** The name of what comes later. */
const OTHERS = 'other';

/** From what is done at once to what takes an hour, in s. */
const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600];

/** Phases that are told of when no worker is in them, too. */
const PHASES = ['running', 'draining'];

/**
 * What a pool tells Prometheus. Submitted tasks are counted as they go by; how the pool stands is asked when somebody wants to
 * know. Labels take few values, whatever is submitted: a series costs memory here and there for as long as the pool lives.
 */
export class Metrics {
  readonly #pool: Pick<PoolFace, 'queue' | 'status' | 'leases' | 'requests'>;
  readonly #registry = new Registry();
  readonly #names = new Set<string>();
  /** Names of the tasks that run. */
  readonly #running = new Map<TaskId, string>();

  readonly #waited = this.#histogram(
    'offhand_task_waiting_seconds',
    'Time of submitted tasks in line before their first attempt, without their delay',
    ['name'],
  );
  readonly #ran = this.#histogram(
    'offhand_task_running_seconds',
    'Time that the last attempt at a submitted task ran',
    ['name'],
  );
  readonly #submitted = this.#counter('offhand_tasks_submitted_total', 'Tasks that were submitted', []);
  readonly #settled = this.#counter('offhand_tasks_settled_total', 'Submitted tasks that got an outcome', [
    'state',
  ]);
  readonly #failures = this.#counter(
    'offhand_task_failures_total',
    'Submitted tasks that failed or were cancelled, by the code of their failure',
    ['code'],
  );
  readonly #retries = this.#counter(
    'offhand_task_retries_total',
    'Further attempts that the pool made at submitted tasks after one had failed',
    [],
  );

  readonly #depth = this.#gauge('offhand_queue_tasks', 'Submitted tasks without an outcome', ['state']);
  readonly #line = this.#gauge('offhand_requests_waiting', 'Requests for a worker that wait', []);
  readonly #leases = this.#gauge('offhand_leases', 'Slots that somebody has a lease on', []);
  readonly #slots = this.#gauge('offhand_slots', 'Slots of all workers', []);
  readonly #workers = this.#gauge('offhand_workers', 'Workers', ['phase']);
  readonly #wanted = this.#gauge('offhand_workers_wanted', 'Workers that there are to be', []);
  readonly #busy = this.#gauge('offhand_workers_busy', 'Workers without a free slot', []);
  readonly #done = this.#counter(
    'offhand_worker_tasks_total',
    'Tasks that a worker has run, submitted ones and all others',
    ['worker', 'outcome'],
  );

  constructor(pool: Pick<PoolFace, 'queue' | 'status' | 'leases' | 'requests'>) {
    this.#pool = pool;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Counts what happens from now on. @returns stops. */
  follow(now: () => number = Date.now): () => void {
    return this.#pool.queue.observe({
      submitted: (tasks) => this.#submitted.inc(tasks.length),
      began: ({ spec: { id, name, submittedAt, notBefore }, attempt }) => {
        const label = this.#label(name);
        this.#running.set(id, label);
        // One that was begun before has waited before, or was let run again by somebody.
        if (attempt > 1) return;
        // A clock that was set back makes nobody wait for less than nothing.
        const waitedMs = Math.max(0, now() - Math.max(submittedAt, notBefore));
        this.#waited.observe({ name: label }, waitedMs / 1_000);
      },
      released: (id) => this.#running.delete(id),
      settled: (settlements) => {
        for (const { id, outcome, retries = 0 } of settlements) {
          const name = this.#running.get(id);
          this.#running.delete(id);
          if (name !== undefined) this.#ran.observe({ name }, outcome.runMs / 1_000);
          this.#retries.inc(retries);
          this.#settled.inc({ state: outcome.state });
          if (outcome.state !== 'succeeded') this.#failures.inc({ code: outcome.failure.code });
        }
      },
    });
  }

  /** All of it, in the format of Prometheus. */
  async text(): Promise<string> {
    const { workers, wanted } = await this.#pool.status();
    this.#depth.set({ state: 'running' }, this.#running.size);
    this.#depth.set({ state: 'pending' }, Math.max(0, this.#pool.queue.size - this.#running.size));
    this.#line.set(this.#pool.requests());
    this.#leases.set(this.#pool.leases());
    this.#slots.set(workers.reduce((sum, { slots }) => sum + slots, 0));
    this.#wanted.set(wanted);
    this.#busy.set(workers.filter(({ busy }) => busy).length);
    // Of those that have gone nothing is left.
    this.#workers.reset();
    this.#done.reset();
    for (const phase of PHASES) this.#workers.set({ phase }, 0);
    for (const { worker, phase, completed, failed } of workers) {
      this.#workers.inc({ phase });
      this.#done.inc({ worker, outcome: 'completed' }, completed);
      this.#done.inc({ worker, outcome: 'failed' }, failed);
    }
    return this.#registry.metrics();
  }

  #label(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= MOST_NAMES) return OTHERS;
    this.#names.add(name);
    return name;
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge<T extends string>(name: string, help: string, labelNames: T[]): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<T extends string>(name: string, help: string, labelNames: T[]): Histogram<T> {
    return new Histogram({ name, help, labelNames, buckets: BUCKETS, registers: [this.#registry] });
  }
}
