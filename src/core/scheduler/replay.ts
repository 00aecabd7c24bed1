import { placementOf } from './policies.js';
import type { PolicyName } from './placement.js';
import type { GrantReason } from './reason.js';
import { Scheduler, type SchedulerCommand, type SchedulerEvent } from './scheduler.js';

/** How a scheduler was set up whose events were recorded. */
export interface RecordHead {
  epoch: number;
  policy: PolicyName;
}

/** One event, what the scheduler decided, and why it granted what it did. */
export interface Recorded {
  /** On the coordinator's clock, in ms. */
  at: number;
  event: SchedulerEvent;
  commands: readonly SchedulerCommand[];
  reasons?: readonly (GrantReason | undefined)[];
}

/** The reasons of the grants among some commands. */
export function reasonsFor(scheduler: Scheduler, commands: readonly SchedulerCommand[]): GrantReason[] {
  return commands.flatMap((command) => {
    if (command.type !== 'grant-lease') return [];
    return scheduler.granted(command.lease)?.reason ?? [];
  });
}

/** Tells recorded events to a scheduler again. */
export class Replay {
  readonly #scheduler: Scheduler;
  events = 0;
  grants = 0;

  constructor({ epoch, policy }: RecordHead) {
    this.#scheduler = new Scheduler(epoch, placementOf(policy));
  }

  /** Returns what is decided now where that is not what was decided then. */
  step({ at, event, commands }: Recorded): readonly SchedulerCommand[] | undefined {
    this.events += 1;
    const decided = this.#scheduler.handle(event, at);
    this.grants += decided.filter(({ type }) => type === 'grant-lease').length;
    return isSame(decided, commands) ? undefined : decided;
  }
}

function isSame(a: readonly SchedulerCommand[], b: readonly SchedulerCommand[]): boolean {
  return a.length === b.length && a.every((command, index) => textOf(command) === textOf(b[index]));
}

function textOf(command: SchedulerCommand | undefined): string {
  if (!command) return '';
  const { worker, slot, epoch } = command.lease;
  const what = command.type === 'grant-lease' ? [command.request, command.ttlMs] : [command.abort];
  return [command.type, worker, slot, epoch, ...what].join(' ');
}
