import { type AuditLine, AuditLog } from '../host/audit-log.js';
import type { Logger } from '../host/logger.js';
import type { Refused } from '../queue/gate.js';
import type { QueueObserver } from '../queue/observers.js';
import type { Settlement, TaskSpec } from '../queue/store.js';

/** What a coordinator has to say in the audit log of its machine: who came, who submitted what, and what came of that. */
export class CoordinatorAudit implements QueueObserver {
  readonly #file: AuditLog;
  readonly #log: Logger;

  /** @throws PoolError `permission-denied` */
  constructor(path: string, log: Logger) {
    this.#file = new AuditLog(path);
    this.#log = log;
  }

  connected(client: string, from: string): void {
    this.#note({ event: 'connected', client, from });
  }

  submitted(tasks: readonly TaskSpec[]): void {
    for (const task of tasks) this.#note({ event: 'submitted', ...factsOf(task) });
  }

  refused(tasks: Parameters<Refused>[0]): void {
    for (const task of tasks) this.#note({ event: 'refused', ...factsOf(task), outcome: 'not-allowed' });
  }

  settled(settlements: readonly Settlement[]): void {
    for (const { id, attempt, outcome } of settlements) {
      const end = outcome.state === 'succeeded' ? 'completed' : outcome.failure.code;
      this.#note({ event: 'settled', task: id, attempts: attempt, outcome: end });
    }
  }

  close(): void {
    this.#file.close();
  }

  /** Of no call's outcome: what runs was written down by its worker, which refuses to run what it cannot write down. */
  #note(line: AuditLine): void {
    try {
      this.#file.note(line);
    } catch (error) {
      this.#log.error({ err: error, line }, 'a line of the audit log could not be written');
    }
  }
}

function factsOf({ id, client, name, functionId }: Omit<TaskSpec, 'args'>): object {
  return { task: id, client, function: name, hash: functionId };
}
