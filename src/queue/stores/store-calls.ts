import type { ErrorCode } from '../../core/errors.js';
import type { SqliteTasks } from './sqlite-tasks.js';

/** What the thread of a file store is asked for. */
export interface StoreCall {
  number: number;
  method: Exclude<keyof SqliteTasks, `#${string}`>;
  args: unknown[];
}

/** What went wrong there. */
export interface StoreFailure {
  code: ErrorCode;
  message: string;
}

export type StoreAnswer = { number: number; value: unknown } | { number: number; failure: StoreFailure };
