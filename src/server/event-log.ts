import { createWriteStream, type WriteStream } from 'node:fs';
import { messageOf, PoolError } from '../core/errors.js';
import { placementOf } from '../core/scheduler/policies.js';
import { type RecordHead, type Recorded, reasonsFor } from '../core/scheduler/replay.js';
import { Scheduler, type SchedulerCommand, type SchedulerEvent } from '../core/scheduler/scheduler.js';

/** What the scheduler is told and decides, as JSON lines: first how it was set up, then a line per event. */
export class EventLog {
  readonly #stream: WriteStream;

  private constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  /** @throws PoolError `permission-denied` where the file cannot be written */
  static async open(path: string): Promise<EventLog> {
    const stream = createWriteStream(path, { mode: 0o600 });
    await new Promise<void>((resolve, reject) => {
      stream.once('open', () => resolve());
      stream.once('error', (error) => {
        const why = messageOf(error);
        reject(
          new PoolError('permission-denied', `--event-log: the file ${path} cannot be written (${why})`),
        );
      });
    });
    return new EventLog(stream);
  }

  /** Told once what went wrong while writing; nothing more is written then. */
  onError(tell: (error: Error) => void): void {
    this.#stream.once('error', tell);
  }

  begin(head: RecordHead): void {
    this.#write({ offhand: 'events', ...head });
  }

  note(recorded: Recorded): void {
    this.#write(recorded);
  }

  /** Resolves when all of it is written. */
  async close(): Promise<void> {
    if (this.#stream.destroyed) return;
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()));
  }

  #write(line: object): void {
    if (!this.#stream.destroyed) this.#stream.write(`${JSON.stringify(line)}\n`);
  }
}

/** A scheduler that writes down what it is told and what it decides. */
class RecordedScheduler extends Scheduler {
  readonly #log: EventLog;

  constructor(head: RecordHead, log: EventLog) {
    super(head.epoch, placementOf(head.policy));
    this.#log = log;
    log.begin(head);
  }

  override handle(event: SchedulerEvent, now: number): SchedulerCommand[] {
    const commands = super.handle(event, now);
    this.#log.note({ at: now, event, commands, reasons: reasonsFor(this, commands) });
    return commands;
  }
}

/** @param log where its events are written down, if they are. */
export function schedulerOf(head: RecordHead, log: EventLog | undefined): Scheduler {
  return log ? new RecordedScheduler(head, log) : new Scheduler(head.epoch, placementOf(head.policy));
}
