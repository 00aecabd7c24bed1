import type { ErrorCode } from '../../core/errors.js';
import type { AnyFunction } from '../../wire/functions/compile.js';
import type { Failure } from '../../wire/outcome.js';
import type { Encoding, Payload } from '../../wire/values/payload.js';
import type { PutContent } from '../../wire/values/put.js';
import type { CalledFunction } from '../called-function.js';
import type { Delays } from './delays.js';
import type { TaskOrigin } from './task-scope.js';
import type { TaskStream } from './task-stream.js';

/** Tasks of one function under one lease, numbered without a gap. */
export interface Job extends CalledFunction {
  epoch: number;
  /** Of the first. */
  number: number;
  count: number;
  /**
   * Of one task the array of its arguments; with `isList` an array of such arrays, one per task. Large ones are pulled
   * before the task begins.
   */
  args: Payload | PulledLater;
  isList: boolean;
  /** Among the arguments of one task, by position: they were encoded by themselves. */
  inserts?: readonly Insert[];
  /** Whether every result is encoded by itself. */
  apart?: boolean;
  /** Of one task whose caller wants to know where its time goes. */
  delays?: Delays | undefined;
  outbox: Outbox;
  /** Undefined where the caller has not said who calls. */
  origin?: TaskOrigin | undefined;
  /** Of one task that comes alone, where its caller has named it. */
  taskId?: string;
  /** Of one task that comes alone: the name that its caller goes by. */
  caller?: string;
  /** Whether it is to have a thread of its own; then it is one task, and its source is here. */
  isolate?: boolean;
  /** Whether it is none of its caller's tasks. */
  isSetup?: boolean;
  /** Of one task whose function gives a generator: where its values go. */
  stream?: TaskStream;
  /** Known from its first task on. */
  fn?: AnyFunction;
}

export type Abort = (code: ErrorCode, message: string) => void;

/**
 * Runs the one task of a job in a thread of its own, from its beginning on the board to its outcome; never rejects.
 *
 * @param onStarted is given what tells the task that it is to end.
 */
export type RunIsolated = (job: Job, args: Payload, onStarted: (abort: Abort) => void) => Promise<void>;

/** A value of its own among the arguments; undefined while it is still elsewhere. */
export interface Insert {
  index: number;
  value: Payload | PutContent | undefined;
}

/** Arguments that are still elsewhere. */
export interface PulledLater {
  encoding: Encoding;
  pull(): Promise<Payload>;
}

/** Where the outcomes of a job go. */
export interface Outbox {
  /** @param apart whether the result is to be encoded by itself. */
  succeeded(
    epoch: number,
    number: number,
    value: unknown,
    encoding: Encoding,
    runMs: number,
    apart?: boolean,
    delays?: Delays,
  ): void;
  /** The same for a result that was encoded elsewhere. */
  encoded(epoch: number, number: number, result: Payload, runMs: number, delays?: Delays): void;
  failed(number: number, count: number, failure: Failure, runMs: number, delays?: Delays): void;
  notBegun(number: number, count: number): void;
  /** Sends what is ready. */
  flush(): void;
  /** Whether there is something that would be lost with the thread, or held up by what it runs next. */
  readonly mustFlush: boolean;
  /** Whether a message is still on its way out of this thread. */
  readonly isWriting: boolean;
  /** Nobody would receive an outcome any more. */
  readonly isClosed: boolean;
}
