import { PoolError } from '../core/errors.js';
import type { ShippedFunction } from '../wire/functions/source.js';
import { isSmallPrimitive } from '../wire/values/clone.js';
import { encodePayload, type Payload } from '../wire/values/payload.js';
import type { Call } from './executor.js';
import type { CallOptions } from './options.js';

/** Of a task's name, in characters. */
const MAX_NAME_LENGTH = 256;

/** A call made ready to be sent: nothing that its caller does from now on can change it. */
export interface ShippedCall {
  fn: ShippedFunction;
  /** The function itself, where it is of this process: where it is written is looked up only when somebody wants to know. */
  callee?: object;
  /** Values that nothing can change any more are encoded when they are sent, together with those of other tasks. */
  args: Payload | readonly unknown[];
  /** For people. */
  name: string;
  options: CallOptions;
  /** Arguments that were encoded by themselves, by position. */
  inserts?: readonly Insert[];
  /** Whether its outcome is passed on as it comes, undecoded: see {@link UndecodedFailure}. */
  isOpaque?: boolean;
  /** By which it is known, where it was not made here; and which attempt at it this is, from 1. */
  task?: { id: string; attempt: number };
}

/** A value that goes among the arguments of a call. */
export interface Insert {
  index: number;
  value: Payload;
}

/** @throws PoolError when the function or its arguments cannot be sent. */
export function shipCall({ fn, args, options, captures }: Call): ShippedCall {
  const shipped = captures.ship(fn);
  return {
    fn: shipped,
    callee: fn as object,
    args: args.every(isSmallPrimitive) ? args : encodeArguments(args, shipped.name),
    name: (options.name ?? shipped.name).slice(0, MAX_NAME_LENGTH),
    options,
  };
}

function encodeArguments(args: unknown[], name: string): Payload {
  try {
    return encodePayload(args, 'V8', 'arguments');
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    throw new PoolError(error.code, `\`${name}\`: ${error.message}`, { cause: error.cause });
  }
}
