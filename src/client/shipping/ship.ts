import { PoolError } from '../../core/errors.js';
import { MAX_NAME } from '../../core/wishes.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import { isSmallPrimitive } from '../../wire/values/clone.js';
import { encodePayload, type Payload } from '../../wire/values/payload.js';
import type { Call, Callee } from '../executor.js';
import type { CallOptions } from '../options.js';
import { Reference, type ShippedPut } from './references.js';
import type { ValueStream } from '../value-stream.js';

/** Of a task's name, in characters. */

/** A call made ready to be sent: nothing that its caller does from now on can change it. */
export interface ShippedCall {
  fn: ShippedFunction;
  /** The function itself, where it is of this process: where it is written is looked up only when somebody wants to know. */
  callee?: object;
  /** The setups that it needs, as they are written here. */
  setups?: readonly AddedSetup[];
  /** Values that nothing can change any more are encoded when they are sent, together with those of other tasks. */
  args: Payload | readonly unknown[];
  /** For people. */
  name: string;
  options: CallOptions;
  /** Arguments that were encoded by themselves, by position. */
  inserts?: readonly Insert[];
  /** Arguments that stand for values that were put, by position. */
  puts?: readonly ShippedPut[];
  /** Whether its outcome is passed on as it comes, undecoded: see {@link UndecodedFailure}. */
  isOpaque?: boolean;
  /** See {@link Call}. */
  stream?: ValueStream | undefined;
  /**
   * By which it is known, where it was not made here; and which attempt at it this is, from 1. `onSent` is told whenever it goes
   * to a worker.
   */
  task?: { id: string; attempt: number; onSent: () => void };
}

/** A setup as its pool was given it, and as it is sent. */
export interface AddedSetup {
  /** Of its content. */
  id: string;
  callee: Callee;
  fn: ShippedFunction;
}

/** A value that goes among the arguments of a call. */
export interface Insert {
  index: number;
  value: Payload;
}

/** @throws PoolError `not-shippable`, `too-large` */
export function shipFunction({ fn, captures, setups }: Callee): ShippedFunction {
  const shipped = captures.ship(fn);
  return setups ? setups.neededBy(shipped) : shipped;
}

/** @throws PoolError when the function or its arguments cannot be sent. */
export function shipCall(call: Call): ShippedCall {
  const { fn, options, stream } = call;
  const shipped = shipFunction(call);
  let { args } = call;
  const puts = args.some((arg) => arg instanceof Reference) ? putsAmong(args) : undefined;
  if (puts) args = args.map((arg) => (arg instanceof Reference ? undefined : arg));
  return {
    fn: shipped,
    callee: fn as object,
    setups: call.setups?.added ?? [],
    args: args.every(isSmallPrimitive) ? args : encodeArguments(args, shipped.name),
    name: (options.name ?? shipped.name).slice(0, MAX_NAME),
    options,
    stream,
    ...(puts && { puts }),
  };
}

function putsAmong(args: readonly unknown[]): ShippedPut[] {
  return args.flatMap((arg, index) => (arg instanceof Reference ? arg.ship(index) : []));
}

function encodeArguments(args: unknown[], name: string): Payload {
  try {
    return encodePayload(args, 'V8', 'arguments');
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    throw new PoolError(error.code, `\`${name}\`: ${error.message}`, { cause: error.cause });
  }
}
