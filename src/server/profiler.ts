import { createWriteStream, rmSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { stringify, type Stringifier } from 'csv-stringify';
import { messageOf, PoolError } from '../core/errors.js';
import type { Logger } from '../host/logger.js';
import type { Coordinator } from './coordinator.js';
import type { WorkerLink } from './worker-link.js';
import { once } from '../core/once.js';
import { profileSoFar, type ProfileSoFar } from './profile-file.js';
import { makeFolder } from '../host/folder.js';

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

/** How much later than its report interval a report may come in and still be in time for its rows, in ms. */
const REPORT_SLACK_MS = 500;

export interface ProfilerSettings {
  /** How often to sample, in ms. */
  intervalMs: number;
  /** How long a worker may keep what it sampled to itself, in ms. */
  reportIntervalMs: number;
}

/** A row whose worker has not yet told what it did by then. */
interface OpenRow {
  at: number;
  link: WorkerLink;
  isBusy: boolean;
}

/**
 * Writes what every worker did since the last sample, a row each, for as long as the pool lives. Whether a worker is
 * busy is known at once, what it did arrives with its next report: rows are written when those have come in.
 */
export class Profiler {
  readonly #path: string;
  readonly #file: WriteStream;
  readonly #coordinator: Coordinator;
  readonly #log: Logger;
  readonly #rows: Stringifier;
  readonly #written: Promise<void>;
  readonly #startedAt = performance.now();
  readonly #delayMs: number;
  #open: OpenRow[] = [];
  #writesAt = 0;
  readonly #last = new WeakMap<WorkerLink, { at: number; busyMs: number }>();
  #bytes = 0;
  #large = LARGE_FILE_BYTES;
  #intervalMs: number;
  #timer: NodeJS.Timeout;

  /** @throws PoolError `permission-denied` when the file cannot be written. */
  static async open(
    path: string,
    settings: ProfilerSettings,
    coordinator: Coordinator,
    log: Logger,
  ): Promise<Profiler> {
    try {
      makeFolder(dirname(path));
      // A file of its own: whoever may still write to an old one of this name does not write into this one.
      rmSync(path, { force: true });
      const file = createWriteStream(path);
      await new Promise((resolve, reject) => file.once('open', resolve).once('error', reject));
      return new Profiler(path, file, settings, coordinator, log);
    } catch (error) {
      throw new PoolError('permission-denied', `the profile ${path} cannot be written: ${messageOf(error)}`);
    }
  }

  private constructor(
    path: string,
    file: WriteStream,
    { intervalMs, reportIntervalMs }: ProfilerSettings,
    coordinator: Coordinator,
    log: Logger,
  ) {
    this.#path = path;
    this.#file = file;
    this.#coordinator = coordinator;
    this.#log = log;
    this.#rows = stringify({ header: true, columns: COLUMNS });
    this.#rows.on('data', (chunk: Buffer) => this.#count(chunk.length));
    this.#rows.pipe(file);
    this.#written = finished(file).catch((error: unknown) =>
      log.error({ error }, 'the profile cannot be written any more'),
    );
    this.#delayMs = reportIntervalMs + REPORT_SLACK_MS;
    this.#intervalMs = intervalMs;
    this.#timer = setInterval(() => this.#sample(), intervalMs);
    // A worker's last report arrives with its good-bye, between two samples.
    coordinator.listen({
      gone: (link) => this.#open.push({ at: performance.now(), link, isBusy: false }),
    });
  }

  /** Closes the file when every row is in it. */
  readonly close = once(async () => {
    clearInterval(this.#timer);
    this.#write(Number.POSITIVE_INFINITY);
    this.#rows.end();
    await this.#written;
  });

  /** What is in the file by now. @param lastMs only so much of it, from its end. @throws PoolError `not-found` */
  soFar(lastMs?: number): Promise<ProfileSoFar> {
    // Rows are handed over whole, so what was written ends with one.
    return profileSoFar(this.#path, this.#file.bytesWritten, `${COLUMNS.join(',')}\n`, lastMs);
  }

  #sample(): void {
    const at = performance.now();
    for (const link of this.#coordinator.members.inOrder) {
      this.#open.push({ at, link, isBusy: this.#coordinator.isBusy(link.id) });
    }
    // Many rows at a time: writing to a file costs by the call.
    if (at < this.#writesAt) return;
    this.#writesAt = at + REPORT_SLACK_MS;
    this.#write(at - this.#delayMs);
  }

  /** Writes the open rows up to an instant. */
  #write(until: number): void {
    let count = 0;
    for (const row of this.#open) {
      if (row.at > until) break;
      count += 1;
      this.#writeRow(row);
    }
    this.#open.splice(0, count);
  }

  #writeRow({ at, link, isBusy }: OpenRow): void {
    const { busyMs, completed, failed } = link.history.at(at);
    const last = this.#last.get(link) ?? { at: at - this.#intervalMs, busyMs: 0 };
    this.#last.set(link, { at, busyMs });
    link.history.forgetBefore(at);
    const running = (busyMs - last.busyMs) / (at - last.at) / link.info.slots;
    this.#rows.write([
      ((at - this.#startedAt) / 1_000).toFixed(3),
      link.info.worker,
      isBusy ? 1 : 0,
      Math.min(1, Math.max(0, running)).toFixed(4),
      completed,
      failed,
      link.report?.cpuPercent?.toFixed(1) ?? '',
      link.report?.rssBytes ?? '',
    ]);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#large) return;
    if (this.#large === LARGE_FILE_BYTES) {
      this.#log.warn('the profile has reached 50 MB: sampling half as often from now on');
    }
    this.#large *= 2;
    this.#intervalMs *= 2;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#sample(), this.#intervalMs);
  }
}
