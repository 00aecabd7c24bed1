import type { FaultKind } from './plan.js';
import type { TaskKind } from './tasks.js';

// What a run leaves behind for the checker. All instants are ms on the machine's monotonic clock.

export interface Span {
  from: number;
  to: number;
}

/** How a call ended, as its client heard it. */
export type Outcome =
  | { kind: 'result'; value: unknown }
  /** What the function threw itself. */
  | { kind: 'thrown'; message: string }
  | { kind: 'refused'; code: string; mayHaveRun: boolean; message: string };

export interface Call {
  id: string;
  client: string;
  kind: TaskKind;
  /** Undefined for the default of the library. */
  retries: number | undefined;
  /** Its id in the queue, for one that was submitted: undefined until that had taken it on. */
  task: string | undefined;
  isSubmitted: boolean;
  calledAt: number;
  outcomes: { at: number; outcome: Outcome }[];
}

/** One attempt, as the thread that made it has written it down. */
export interface Attempt {
  call: string;
  pid: number;
  thread: number;
  beganAt: number;
  /** The last sign of life; of one that has ended, its end. */
  seenAt: number;
  hasEnded: boolean;
  /** When its thread gave no sign of life though it should have: the machine, or the process, stood still. */
  stalls?: readonly Span[];
}

export interface ClientLife {
  name: string;
  pid: number;
  startedAt: number;
  endedAt: number;
  end: { kind: 'closed' } | { kind: 'killed' } | { kind: 'failed'; why: string };
}

export interface Fault {
  kind: FaultKind;
  /** Whom it hit. */
  target: string;
  at: number;
  /** When it was over, as far as the nemesis is concerned. */
  until: number;
}

/** Faults in close succession, and what came after. */
export interface Round {
  faults: Fault[];
  startedAt: number;
  /** When as many workers as wanted were attached again; undefined when they were not in time. */
  recoveredAt: number | undefined;
  /** Until when nothing more happened. */
  calmUntil?: number;
  /** Who was there all that time. */
  clients?: string[];
}

/** A restart of the coordinator, during which one client could not reach it: its leases were to be left alone. */
export interface Restart {
  killedAt: number;
  /** When the client could reach it again. */
  reachableAt: number;
  client: string;
}

/** What the queue says in the end of a task that it had taken on. */
export interface QueuedEnd {
  call: string;
  /** `pending`, `succeeded`; or in words why it cannot say. */
  state: string;
}

export interface History {
  workers: number;
  slotsPerWorker: number;
  calls: Call[];
  attempts: Attempt[];
  clients: ClientLife[];
  rounds: Round[];
  restarts: Restart[];
  /** Of all submitted tasks that were taken on. */
  queued: QueuedEnd[];
  /** How often the coordinator was killed. */
  coordinatorKills: number;
  /** What was wrong at the end: processes, files, exit codes. */
  leftovers: string[];
}
