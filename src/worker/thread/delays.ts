import type { TaskOutcomes } from '../../wire/generated/offhand/v1/TaskOutcomes.js';

/** What stands between the arrival of a task and its beginning, in ms; and whether its outcome is all that there is to hear. */
export interface Delays {
  /** On the clock of `performance`. */
  readonly arrivedAt: number;
  /** Behind others. */
  waitMs: number;
  decodeMs: number;
  /** Whether it has told nothing to whoever follows it. */
  quiet: boolean;
}

export function arrived(): Delays {
  return { arrivedAt: performance.now(), waitMs: 0, decodeMs: 0, quiet: false };
}

export function delaysMessage(
  delays: Delays | undefined,
): Pick<TaskOutcomes, 'waitMs' | 'decodeMs' | 'quiet'> | undefined {
  return delays && { waitMs: delays.waitMs, decodeMs: delays.decodeMs, quiet: delays.quiet };
}
