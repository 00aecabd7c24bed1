import { type Setup, setupFailureMessage } from '../../wire/functions/setup.js';
import { idOf } from '../../wire/functions/function-id.js';
import type { Failure } from '../../wire/outcome.js';
import type { Payload } from '../../wire/values/payload.js';
import type { Job, Outbox } from './job.js';

/** A setup as a job of its own, that runs in place of the first task that needs it and under its number. */
export interface SetupJob extends Job {
  args: Payload;
  outbox: SetupOutbox;
}

/** @param job that cannot begin before. */
export function setupJob({ source, parts, args, name, timeoutMs }: Setup, job: Job): SetupJob {
  const { epoch, number, origin, taskId, cancelGraceMs } = job;
  return {
    epoch,
    number,
    count: 1,
    functionId: idOf(source),
    source: { text: source, parts },
    name: `setup ${name}`,
    timeoutMs,
    cancelGraceMs,
    args: { encoding: 'V8', data: args },
    isList: false,
    isSetup: true,
    outbox: new SetupOutbox(name, job),
    origin,
    ...(taskId !== undefined && { taskId }),
  };
}

/** What became of a setup: nobody's outcome, unless it fails. Then it is that of the tasks that need it. */
class SetupOutbox implements Outbox {
  readonly #name: string;
  readonly #job: Job;
  hasSucceeded = false;
  readonly isWriting = false;

  constructor(name: string, job: Job) {
    this.#name = name;
    this.#job = job;
  }

  succeeded(): void {
    this.hasSucceeded = true;
  }

  encoded(): void {
    this.hasSucceeded = true;
  }

  failed(_number: number, _count: number, failed: Failure): void {
    const { message, name, error } = failed;
    const { number, count, outbox } = this.#job;
    // It did not go wrong, it must not run: trying again is of no use.
    if (failed.code === 'not-allowed') return outbox.failed(number, count, failed, 0);
    const why = name ? `${name}: ${message}` : message;
    const words = setupFailureMessage(this.#job.name, this.#name, why);
    const failure = {
      code: 'setup-failed',
      message: words,
      mayHaveRun: false,
      ...(error && { error }),
    } as const;
    outbox.failed(number, count, failure, 0);
  }

  notBegun(): void {
    const { number, count, outbox } = this.#job;
    outbox.notBegun(number, count);
  }

  flush(): void {
    this.#job.outbox.flush();
  }

  get mustFlush(): boolean {
    return this.#job.outbox.mustFlush;
  }

  get isClosed(): boolean {
    return this.#job.outbox.isClosed;
  }
}
