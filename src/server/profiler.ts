import { createWriteStream, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { stringify, type Stringifier } from 'csv-stringify';
import { messageOf, PoolError } from '../core/errors.js';
import type { Logger } from '../wire/logger.js';
import type { Coordinator } from './coordinator.js';
import type { WorkerLink } from './worker-link.js';
import { makeFolder } from '../wire/folder.js';

const COLUMNS = [
  'time_s',
  'worker',
  'busy',
  'busy_fraction',
  'completed',
  'failed',
  'cpu_percent',
  'rss_bytes',
];

/** From this size on the interval doubles, and again whenever the file has doubled, in bytes. */
const LARGE_FILE_BYTES = 50 * 1024 * 1024;

/** Writes what every worker did since the last sample, a row each, for as long as the pool lives. */
export class Profiler {
  readonly #coordinator: Coordinator;
  readonly #log: Logger;
  readonly #rows: Stringifier;
  readonly #written: Promise<void>;
  readonly #startedAt = performance.now();
  readonly #last = new Map<string, { uptimeMs: number; busyMs: number }>();
  #bytes = 0;
  #large = LARGE_FILE_BYTES;
  #intervalMs: number;
  #timer: NodeJS.Timeout;

  /** @throws PoolError `permission-denied` when the file cannot be written. */
  static async open(
    path: string,
    intervalMs: number,
    coordinator: Coordinator,
    log: Logger,
  ): Promise<Profiler> {
    try {
      makeFolder(dirname(path));
      // A file of its own: whoever may still write to an old one of this name does not write into this one.
      rmSync(path, { force: true });
      const file = createWriteStream(path);
      await new Promise((resolve, reject) => file.once('open', resolve).once('error', reject));
      return new Profiler(file, intervalMs, coordinator, log);
    } catch (error) {
      throw new PoolError('permission-denied', `the profile ${path} cannot be written: ${messageOf(error)}`);
    }
  }

  private constructor(
    file: NodeJS.WritableStream,
    intervalMs: number,
    coordinator: Coordinator,
    log: Logger,
  ) {
    this.#coordinator = coordinator;
    this.#log = log;
    this.#rows = stringify({ header: true, columns: COLUMNS });
    this.#rows.on('data', (chunk: Buffer) => this.#count(chunk.length));
    this.#rows.pipe(file);
    this.#written = finished(file).catch((error: unknown) =>
      log.error(error, 'the profile cannot be written any more'),
    );
    this.#intervalMs = intervalMs;
    this.#timer = setInterval(() => this.#sampleAll(), intervalMs);
    // A worker's last report arrives with its good-bye, between two samples.
    coordinator.onDetached = (link) => {
      this.#write(this.#elapsedS(), link);
      this.#last.delete(link.id);
    };
  }

  #sampleAll(): void {
    const timeS = this.#elapsedS();
    for (const link of this.#coordinator.workers) this.#write(timeS, link);
  }

  #elapsedS(): string {
    return ((performance.now() - this.#startedAt) / 1_000).toFixed(3);
  }

  #write(timeS: string, link: WorkerLink): void {
    const { completed = 0, failed = 0, cpuPercent, rssBytes } = link.report ?? {};
    this.#rows.write([
      timeS,
      link.info.worker,
      this.#coordinator.isBusy(link.id) ? 1 : 0,
      this.#busyFraction(link).toFixed(4),
      completed,
      failed,
      cpuPercent?.toFixed(1) ?? '',
      rssBytes ?? '',
    ]);
  }

  /** Closes the file when every row is in it. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#rows.end();
    await this.#written;
  }

  /** From the worker's own clock and counters, so that the way of the report does not blur it. */
  #busyFraction(link: WorkerLink): number {
    const { report } = link;
    if (!report) return 0;
    const last = this.#last.get(link.id) ?? { uptimeMs: 0, busyMs: 0 };
    this.#last.set(link.id, report);
    const elapsedMs = report.uptimeMs - last.uptimeMs;
    // A worker is silent while nothing changes, so without news it still does what it last did.
    const running =
      elapsedMs > 0
        ? (report.busyMs - last.busyMs) / elapsedMs
        : report.leases.filter((lease) => lease.inUse).length;
    return Math.min(1, running / link.info.slots);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#large) return;
    if (this.#large === LARGE_FILE_BYTES)
      this.#log.warn('the profile has reached 50 MB: sampling half as often from now on');
    this.#large *= 2;
    this.#intervalMs *= 2;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#sampleAll(), this.#intervalMs);
  }
}
