import type pidusage from 'pidusage';
import type { Attached__Output } from '../wire/generated/offhand/v1/Attached.js';
import type { Report } from '../wire/generated/offhand/v1/Report.js';
import type { Worker } from './worker.js';

/** CPU is an average over at least this long, in ms: shorter ones are mostly noise. */
const USAGE_INTERVAL_MS = 1_000;

type Sample = Worker['counters'];

/**
 * Tells the coordinator what the worker did: when something changed, once per report interval. Where a profile is written,
 * the counters are sampled more often than that, and travel several to a message: messages are what costs.
 */
export class Reporter {
  readonly #worker: Worker;
  readonly #send: (report: Report) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  /** Not yet sent, oldest first. */
  #samples: Sample[] = [];
  #newest: Sample;
  #usage: { cpuPercent?: number; rssBytes?: number } = {};
  #sent = '';
  /** Loaded when it is needed. */
  #usageMeter: typeof pidusage | undefined;

  constructor(worker: Worker, settings: Attached__Output, send: (report: Report) => void) {
    this.#worker = worker;
    this.#send = send;
    this.#newest = worker.counters;
    this.#timers.push(setInterval(() => this.#reportChange(), settings.reportIntervalMs));
    if (settings.sampleIntervalMs > 0) {
      this.#timers.push(setInterval(() => this.#sample(), settings.sampleIntervalMs));
      // pidusage asks a program for the length of a tick: where none may be started nothing is measured.
      if (process.permission?.has('child') === false) return;
      void this.#measure();
      this.#timers.push(setInterval(() => void this.#measure(), USAGE_INTERVAL_MS));
    }
  }

  report(): void {
    this.#sample();
    const samples = this.#samples.length > 0 ? this.#samples : [this.#newest];
    this.#samples = [];
    this.#send({ samples, leases: this.#worker.leases.uses(performance.now()), ...this.#usage });
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#usageMeter?.clear();
  }

  /** While nothing changes, only the end of the silence is kept: it says when the change began. */
  #sample(): void {
    const sample = this.#worker.counters;
    const { busyMs, completed, failed } = this.#newest;
    if (sample.busyMs !== busyMs || sample.completed !== completed || sample.failed !== failed) {
      if (this.#samples.at(-1) !== this.#newest) this.#samples.push(this.#newest);
      this.#samples.push(sample);
    }
    this.#newest = sample;
  }

  #reportChange(): void {
    const { busyMs, completed, failed } = this.#worker.counters;
    const leases = this.#worker.leases.uses(0).map(({ slot, epoch, inUse }) => [slot, epoch, inUse]);
    const current = JSON.stringify([busyMs, completed, failed, leases, this.#usage]);
    if (current === this.#sent) return;
    this.#sent = current;
    this.report();
  }

  async #measure(): Promise<void> {
    this.#usageMeter ??= (await import('pidusage')).default;
    const { cpu, memory } = await this.#usageMeter(process.pid);
    this.#usage = { cpuPercent: cpu, rssBytes: memory };
  }
}
