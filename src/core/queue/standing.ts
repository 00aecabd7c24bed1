import type { TaskId } from '../ids.js';
import type { EntryPhase } from './entry.js';

/** How a group stands. */
export interface GroupStanding {
  readonly name: string;
  readonly limit: number;
  /** With the dispatcher. */
  readonly running: number;
  /** Those that have a seat, and stand in line. */
  readonly inLine: number;
}

/** How a task that has no outcome stands. */
export interface Standing {
  readonly phase: EntryPhase;
  /** For how long it has stood in line, in ms. */
  readonly lineMs: number;
  /** Of the tasks it comes after, those that are not through. */
  readonly after: readonly TaskId[];
  readonly notBefore: number;
  readonly group: GroupStanding | undefined;
  /** How many tasks that ask for the same have no worker, this one included; and how many in line of a higher priority than this one. */
  readonly waiting: number;
  readonly before: number;
}

/** Tasks that are named; of more it is said how many. */
const NAMED = 3;

/** Why it has not begun, in words; undefined for one that is with the dispatcher, or as good as through. */
export function standingInWords(standing: Standing, now: number): string | undefined {
  const { phase, after, notBefore, group, waiting, before } = standing;
  switch (phase) {
    case 'blocked': {
      const more = after.length - NAMED;
      const named = after.slice(0, NAMED).join(', ');
      return `comes after ${after.length === 1 ? 'task' : `${after.length} tasks:`} ${named}${more > 0 ? ` and ${more} more` : ''}`;
    }
    case 'delayed':
      return `not before ${new Date(notBefore).toISOString()}, in ${inTime(notBefore - now)}`;
    case 'parked': {
      const { name = '', running = 0, inLine = 0, limit = 0 } = group ?? {};
      const others = inLine > 0 ? `, ${inLine} next in line` : '';
      return `group ${name}: ${running} of ${limit} running${others}`;
    }
    case 'ready': {
      const above = before > 0 ? `, ${before} of them at a higher priority` : '';
      return `no worker is free: ${waiting - 1} other ${waiting === 2 ? 'task waits' : 'tasks wait'} for one${above}`;
    }
    case 'offered':
      return 'it is offered to all coordinators: none has a free worker for it so far, or one has just taken it';
    case 'claimed':
    case 'settling':
      return undefined;
  }
}

function inTime(ms: number): string {
  return ms < 10_000 ? `${Math.max(0, Math.ceil(ms))} ms` : `${Math.ceil(ms / 1_000)} s`;
}
