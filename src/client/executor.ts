import type { CallOptions } from './options.js';

/** One call of one function, as `pool.run` was given it. */
export interface Call {
  fn: unknown;
  args: unknown[];
  options: CallOptions;
}

/** Where a pool's calls go: to workers, or into this process. */
export interface Executor {
  /** How many calls can run at once, as far as is known. */
  readonly slots: number;
  /** Resolves to the function's result; rejects with what it threw, or with a PoolError. */
  run(call: Call): Promise<unknown>;
  close(): Promise<void>;
}
