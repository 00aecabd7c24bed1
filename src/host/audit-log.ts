import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf, PoolError } from '../core/errors.js';

/** Names that people and programs give themselves are cut to this many characters: a line is short enough to be one write. */
const MAX_NAME = 256;

/** A line of the log, but for its time. */
export type AuditLine = {
  event: 'connected' | 'submitted' | 'refused' | 'begun' | 'ended' | 'settled';
} & Record<string, unknown>;

/**
 * Who ran which function when, and what came of it: a line of JSON for each. All processes and threads of a pool on one machine
 * append to the same file, each line in one write, so that lines stay whole and are there before the code that they tell of
 * begins.
 */
export class AuditLog {
  readonly #path: string;
  readonly #file: number;

  /** Opens it, or makes it, for its owner alone. @throws PoolError `permission-denied` */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'a', 0o600);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /** Writes a line at once. @throws PoolError `permission-denied` where that fails: the disk is full, say */
  note(line: AuditLine): void {
    const cut = (_: string, value: unknown) => (typeof value === 'string' ? value.slice(0, MAX_NAME) : value);
    try {
      writeSync(this.#file, `${JSON.stringify({ at: new Date().toISOString(), ...line }, cut)}\n`);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #refusal(error: unknown): PoolError {
    return new PoolError(
      'permission-denied',
      `--audit-log: the file ${this.#path} cannot be written (${messageOf(error)}), and nothing runs without it`,
    );
  }
}
