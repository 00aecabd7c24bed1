import type { ClusterConnection, ClusterLog } from '../../../cluster/connection.js';
import type { UnsettledTask } from '../../store.js';
import type { Homes } from './homes.js';
import type { Submissions } from './submissions.js';

/** How often is looked for tasks whose home is gone, in ms. */
const LOOK_MS = 5_000;

/** Looks for held tasks whose home is gone, and makes this coordinator their home. */
export class Adoption {
  readonly #connection: ClusterConnection;
  readonly #log: ClusterLog;
  readonly #homes: Homes;
  readonly #submissions: Submissions;
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(
    connection: ClusterConnection,
    log: ClusterLog,
    parts: { homes: Homes; submissions: Submissions },
    failed: (error: unknown) => void,
  ) {
    this.#connection = connection;
    this.#log = log;
    this.#homes = parts.homes;
    this.#submissions = parts.submissions;
    this.#failed = failed;
  }

  /** From now on, at once and ever again. */
  start(onAdopted: (tasks: UnsettledTask[]) => void): void {
    const look = () => void this.#look(onAdopted).catch(this.#failed);
    this.#timer = setInterval(look, LOOK_MS);
    this.#timer.unref();
    look();
  }

  async *adopt(): AsyncIterable<UnsettledTask[]> {
    for await (const heads of this.#homes.adopt())
      yield await Promise.all(heads.map(({ spec }) => this.#submissions.standingOf(spec, 0)));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(onAdopted: (tasks: UnsettledTask[]) => void): Promise<void> {
    if (this.#isLooking || !this.#connection.isConnected) return;
    this.#isLooking = true;
    let count = 0;
    try {
      for await (const tasks of this.adopt()) {
        onAdopted(tasks);
        count += tasks.length;
      }
    } finally {
      this.#isLooking = false;
      if (count > 0) this.#log.info({ tasks: count }, 'held tasks taken over');
    }
  }
}
