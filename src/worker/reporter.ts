import pidusage from 'pidusage';
import type { Attached__Output } from '../wire/generated/offhand/v1/Attached.js';
import type { Report } from '../wire/generated/offhand/v1/Report.js';
import type { Worker } from './worker.js';

/** CPU is an average over at least this long, in ms: shorter ones are mostly noise. */
const USAGE_INTERVAL_MS = 1_000;

/** Tells the coordinator what the worker did: when something changed, once per interval. */
export class Reporter {
  readonly #worker: Worker;
  readonly #send: (report: Report) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #usage: { cpuPercent?: number; rssBytes?: number } = {};
  #last = '';

  constructor(worker: Worker, settings: Attached__Output, send: (report: Report) => void) {
    this.#worker = worker;
    this.#send = send;
    this.#timers.push(setInterval(() => this.#reportChange(), settings.reportIntervalMs));
    if (settings.measureUsage) {
      void this.#measure();
      this.#timers.push(setInterval(() => void this.#measure(), USAGE_INTERVAL_MS));
    }
  }

  report(): void {
    const counters = this.#worker.counters;
    const leases = this.#worker.leases.uses(performance.now());
    this.#send({ ...counters, ...this.#usage, leases });
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    pidusage.clear();
  }

  #reportChange(): void {
    const { busyMs, completed, failed } = this.#worker.counters;
    const leases = this.#worker.leases.uses(0).map(({ slot, epoch, inUse }) => [slot, epoch, inUse]);
    const current = JSON.stringify([busyMs, completed, failed, leases, this.#usage]);
    if (current === this.#last) return;
    this.#last = current;
    this.report();
  }

  async #measure(): Promise<void> {
    const { cpu, memory } = await pidusage(process.pid);
    this.#usage = { cpuPercent: cpu, rssBytes: memory };
  }
}
