import type { PoolError } from '../core/errors.js';
import type { Captures } from './shipping/captures.js';
import type { CallOptions } from './options.js';
import type { References } from './shipping/references.js';
import type { Setups } from './shipping/setups.js';
import type { ValueStream } from './value-stream.js';

/** What is called, as `pool.run` was given it. */
export interface Callee {
  fn: unknown;
  /** What goes along with it. */
  captures: Captures;
  /** What has to have run before it, if anything. */
  setups?: Setups | undefined;
}

/** One call of one function. */
export interface Call extends Callee {
  args: unknown[];
  options: CallOptions;
  /** Where the values go that its function makes one after the other; then its result is nothing. */
  stream?: ValueStream;
}

/** Told exactly once what became of a call: its result, or what it threw, or a PoolError. */
export type Settle = (isOk: boolean, value: unknown) => void;

/** A call on its way. */
export interface Started {
  /** Gives the call up, with this reason. Does nothing once it is settled. */
  fail(reason: PoolError): void;
  readonly isWaiting: boolean;
}

/** What became of a call on one worker. */
export type WorkerOutcome<R = unknown> = PromiseSettledResult<R> & {
  /** Its name: `worker-2`; `inline` in this process. */
  worker: string;
};

/** Where a pool's calls go: to workers, or into this process. */
export interface Executor {
  readonly references: References;
  /** How many calls of this function are worth having under way, as far as is known. */
  appetite(callee: Callee, options: CallOptions): number;
  /** @throws PoolError when the call cannot even be sent. */
  start(call: Call, settle: Settle): Started;
  close(): Promise<void>;
}

/** The same for all of a pool, whose workers it knows. */
export interface PoolExecutor extends Executor {
  /** Makes a call on every worker that is there now. Rejects with a PoolError when the call cannot even be sent. */
  broadcast(call: Call): Promise<WorkerOutcome[]>;
}
