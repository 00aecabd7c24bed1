// What to leave out of the sources for each rule that a broken pool is to lack.

export interface Change {
  file: string;
  text: string;
  instead: string;
}

export const CHANGES = {
  /** A slot begins tasks of a lease that is over. */
  fencing: [
    {
      file: 'src/worker/board.ts',
      text: 'if (this.isOver(epoch)) return false;\n    const lastNumber',
      instead: 'const lastNumber',
    },
    { file: 'src/worker/board.ts', text: 'if (!this.isOver(epoch)) return true;', instead: 'return true;' },
    {
      file: 'src/worker/thread/task-runner.ts',
      text: 'if (this.#board.isOver(job.epoch)) return this.#notBegun(job, job.number, job.count);',
      instead: '',
    },
  ],
  /** A client that has slots keeps them, whoever waits. */
  revocation: [
    {
      file: 'src/core/scheduler/revocation.ts',
      text: 'this.#lines.size <= this.#underWay',
      instead: 'this.#underWay >= 0',
    },
  ],
  /** After a restart of the coordinator slots are granted whose leases live. */
  'restart-grace': [
    {
      file: 'src/core/scheduler/scheduler.ts',
      text: 'if (held) this.#bringAlong(slot, held, now);\n      else this.#offer(slot);',
      instead: 'this.#offer(slot);',
    },
  ],
} as const satisfies Record<string, readonly Change[]>;

export type MissingRule = keyof typeof CHANGES;
export const MISSING_RULES = Object.keys(CHANGES) as MissingRule[];
