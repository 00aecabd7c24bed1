import type { FunctionCache } from './thread/function-cache.js';
import { AuditLog } from '../host/audit-log.js';
import type { Failure } from '../wire/outcome.js';
import type { Job } from './thread/job.js';
import type { TaskScope } from './thread/task-scope.js';

/** How an attempt ended. */
export type AttemptEnd = 'completed' | Failure['code'];

/** What one thread runs, for the audit log of its machine. */
export class Audit {
  readonly #log: AuditLog;
  readonly #worker: string;
  /** Why the end of an attempt could not be written down. */
  #lost: unknown;

  /** @throws PoolError `permission-denied` */
  constructor(path: string, worker: string) {
    this.#log = new AuditLog(path);
    this.#worker = worker;
  }

  /** Before any of its code runs. @throws PoolError `permission-denied`: then it is not to run */
  begun(job: Job, { taskId, attempt }: TaskScope, functions: FunctionCache): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost !== undefined) throw lost;
    this.#log.note({
      event: 'begun',
      task: taskId,
      attempt,
      client: job.origin?.client ?? job.caller,
      function: job.name,
      hash: job.functionId,
      parts: functions.partsOf(job.functionId, job.source),
      worker: this.#worker,
    });
  }

  /** It may not run. @throws PoolError `permission-denied` */
  refused({ origin, caller, name, functionId }: Job, code: Failure['code']): void {
    const client = origin?.client ?? caller;
    this.#log.note({
      event: 'refused',
      client,
      function: name,
      hash: functionId,
      outcome: code,
      worker: this.#worker,
    });
  }

  /** Where this cannot be written down, the next attempt is refused: nothing is missing without anybody hearing of it. */
  ended(taskId: string, outcome: AttemptEnd, ms: number): void {
    const rounded = Math.round(ms * 1_000) / 1_000;
    try {
      this.#log.note({ event: 'ended', task: taskId, outcome, ms: rounded, worker: this.#worker });
    } catch (error) {
      this.#lost = error;
    }
  }
}

/** Undefined where nobody keeps such a log. @throws PoolError `permission-denied` */
export function auditOf({
  auditLog,
  worker,
}: {
  auditLog: string | undefined;
  worker: string;
}): Audit | undefined {
  return auditLog === undefined ? undefined : new Audit(auditLog, worker);
}
