import { PoolError } from '../core/errors.js';

/** How one call, or all calls of a `pool.with(…)`, are to be made. No limit unless given. */
export interface CallOptions {
  /** How long the function may run, in ms, counted from the moment it begins. Ends in `timeout`. */
  timeoutMs?: number;
  /** How long a call may wait for a free worker, in ms. Ends in `queue-timeout`. */
  queueTimeoutMs?: number;
  /** How long all of it may take, waiting and running together, in ms. Ends in `deadline-exceeded`. */
  deadlineMs?: number;
  /** Cancels the call: it leaves the line, or the running function is stopped. Ends in `cancelled`. */
  signal?: AbortSignal;
  /** What status and logs call the task. @default the function's name */
  name?: string;
}

/** How `pool.map` goes through its input. */
export interface MapOptions {
  /** How many calls are under way at most. @default twice the pool's slots */
  concurrency?: number;
  /** Whether results come in the order of the input, or as they are ready. @default true */
  ordered?: boolean;
  /**
   * What happens when a call fails. `throw`: nothing more is begun, what runs is awaited, the failure is thrown in its
   * turn. `collect`: the error is yielded in place of the result, and the rest goes on. @default 'throw'
   */
  errors?: 'throw' | 'collect';
}

const DURATIONS = ['timeoutMs', 'queueTimeoutMs', 'deadlineMs'] as const;
const CALL_KEYS = [...DURATIONS, 'signal', 'name'];
const MAP_KEYS = ['concurrency', 'ordered', 'errors'];

/** @throws PoolError `invalid-argument`, naming the option, what was expected and what arrived. */
export function checkCallOptions(options: CallOptions): CallOptions {
  checkKeys('pool.with', options, CALL_KEYS);
  for (const name of DURATIONS) {
    const value: unknown = options[name];
    if (value !== undefined && !(typeof value === 'number' && value > 0))
      refuse(name, 'a number of ms above 0', value);
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    refuse('signal', 'an AbortSignal', options.signal);
  }
  return options;
}

/** @throws PoolError `invalid-argument`, naming the option, what was expected and what arrived. */
export function checkMapOptions(options: MapOptions): MapOptions {
  checkKeys('pool.map', options, MAP_KEYS);
  const { concurrency, errors } = options;
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0)) {
    refuse('concurrency', 'a whole number above 0', concurrency);
  }
  if (errors !== undefined && errors !== 'throw' && errors !== 'collect')
    refuse('errors', "'throw' or 'collect'", errors);
  return options;
}

/** @throws PoolError `invalid-argument` for an option nobody knows: a typing error would otherwise do nothing. */
export function checkKeys(where: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new PoolError(
    'invalid-argument',
    `${where}: unknown option ${unknown}; there are ${known.join(', ')}`,
  );
}

function refuse(name: string, expected: string, given: unknown): never {
  const text = typeof given === 'object' ? 'an object' : JSON.stringify(given);
  throw new PoolError('invalid-argument', `${name}: expected ${expected}, got ${text}`);
}
