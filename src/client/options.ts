import { PoolError } from '../core/errors.js';
import { given } from '../core/given.js';
import { checkPriority, MAX_RETRIES } from '../core/wishes.js';
import { RETRY_CAUSES, type RetryCause } from '../core/retry.js';
import { tagSet } from '../core/tags.js';
import { MAX_TIMER_MS } from '../core/timer.js';

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
  /**
   * Further attempts after the first, when one fails, at most 1,000. What had not begun when its worker was lost costs none.
   * @default 1 for the loss of a worker, 0 for an error that the function throws and for its `timeoutMs`
   */
  retries?: number;
  /** Which failures are tried again. @default all of them where `retries` is given, else `['worker-lost']` */
  retryOn?: readonly RetryCause[];
  /**
   * A whole number from -100 to 100. Higher ones are served first, whichever client asks; equal ones in the order of the
   * calls. A task that runs is not interrupted. @default 0
   */
  priority?: number;
  /**
   * How long code that has asked for its `current.signal` may take to end by itself once it is cancelled or reaches a limit, in
   * ms; then its thread is ended. Code that has not asked is ended at once. The call itself ends at once in any case.
   * @default 500
   */
  cancelGraceMs?: number;
  /**
   * Runs the task in a thread of its own: nothing has run there before, and what it changes there is gone with it. Costs the
   * start of a thread. @default false
   */
  isolate?: boolean;
  /**
   * Of `pool.stream`: how many values the function may be ahead of whoever reads them. With 0 it makes a value when one is asked
   * for. @default 16
   */
  readAhead?: number;
  /** Told what the task says of its progress (`current.progress`): a fraction from 0 to 1, and words. */
  onProgress?: (fraction: number, note: string | undefined) => void;
  /**
   * Where goes what the task prints. `inherit`: to this process's own output; `silent`: nowhere; or to a function, line by
   * line. The log of the worker keeps it in any case. @default where the workers print: the terminal of `startPool`, or of
   * `offhand server`
   */
  logs?: 'inherit' | 'silent' | ((line: LogLine) => void);
  /**
   * How long the function is expected to run, in ms. Decides where it runs under `--policy least-remaining`, and is what
   * `offhand status` counts down. @default what it took lately
   */
  expectedMs?: number;
  /**
   * Tags that the worker has to have: `'gpu'`, or `'mem=8g'` for at least as much. Ends in `no-worker-fits` where the pool
   * has no such worker. @default none
   */
  requires?: readonly string[];
  /** What to do where no worker has the tags: refuse the call, or wait for one, with a warning. @default 'refuse' */
  whenNoneFits?: 'refuse' | 'wait';
  /** What status and logs call the task. @default the function's name */
  name?: string;
  /**
   * Values, functions and classes that go along with a function, which finds them by these names. Functions may use one
   * another. Values are copied at once, sent once to each slot, and shared there by all tasks that use them.
   */
  capture?: Record<string, unknown>;
}

/** Something that a task has printed. */
export interface LogLine {
  taskId: string;
  /** Without the end of the line; several lines where they were printed at once. */
  text: string;
  stream: 'stdout' | 'stderr';
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
const CALL_KEYS = [
  ...DURATIONS,
  'signal',
  'retries',
  'retryOn',
  'cancelGraceMs',
  'isolate',
  'readAhead',
  'onProgress',
  'logs',
  'priority',
  'expectedMs',
  'requires',
  'whenNoneFits',
  'name',
  'capture',
];
const MAP_KEYS = ['concurrency', 'ordered', 'errors'];

/** @throws PoolError `invalid-argument`, naming the option, what was expected and what arrived. */
export function checkCallOptions(options: CallOptions): CallOptions {
  checkKeys('pool.with', options, CALL_KEYS);
  const checked = { ...options };
  for (const name of DURATIONS) {
    checkNumber(name, checked[name], { unit: ' of ms' });
    // Nobody notices a limit of more than 24 days.
    if (Number(checked[name]) > MAX_TIMER_MS) delete checked[name];
  }
  checkNumber('cancelGraceMs', options.cancelGraceMs, { least: 0, unit: ' of ms' });
  if (options.priority !== undefined) checkPriority(options.priority, 'priority');
  const { signal, retries, retryOn, name, capture, isolate, onProgress, logs } = options;
  if (isolate !== undefined && typeof isolate !== 'boolean') refuse('isolate', 'true or false', isolate);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    refuse('onProgress', 'a function', onProgress);
  if (logs !== undefined && logs !== 'inherit' && logs !== 'silent' && typeof logs !== 'function')
    refuse('logs', "'inherit', 'silent' or a function", logs);
  checkNumber('readAhead', options.readAhead, { least: 0, most: 1_000_000, whole: true });
  checkNumber('expectedMs', options.expectedMs, { unit: ' of ms' });
  const { requires, whenNoneFits } = options;
  if (requires !== undefined && !Array.isArray(requires)) refuse('requires', 'an array of tags', requires);
  tagSet(requires, 'requires');
  if (whenNoneFits !== undefined && whenNoneFits !== 'refuse' && whenNoneFits !== 'wait')
    refuse('whenNoneFits', "'refuse' or 'wait'", whenNoneFits);
  checkNumber('retries', retries, { least: 0, most: MAX_RETRIES, whole: true });
  if (retryOn !== undefined) checkRetryOn(retryOn);
  checkSignal(signal);
  if (name !== undefined && typeof name !== 'string') refuse('name', 'a string', name);
  if (capture !== undefined && !isRecord(capture))
    refuse('capture', 'an object of what goes along, by name: { helper }', capture);
  return checked;
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkRetryOn(causes: unknown): void {
  const known = RETRY_CAUSES.map((cause) => `'${cause}'`).join(', ');
  if (!Array.isArray(causes)) refuse('retryOn', `an array of ${known}`, causes);
  causes.forEach((cause: unknown, index) => {
    if (!RETRY_CAUSES.includes(cause as RetryCause)) refuse(`retryOn[${index}]`, `one of ${known}`, cause);
  });
}

/** @throws PoolError `invalid-argument` */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuse('signal', 'an AbortSignal', signal);
}

/** @throws PoolError `invalid-argument`, naming the option, what was expected and what arrived. */
export function checkMapOptions(options: MapOptions): MapOptions {
  checkKeys('pool.map', options, MAP_KEYS);
  const { concurrency, ordered, errors } = options;
  checkNumber('concurrency', concurrency, { least: 1, whole: true });
  if (ordered !== undefined && typeof ordered !== 'boolean') refuse('ordered', 'true or false', ordered);
  if (errors !== undefined && errors !== 'throw' && errors !== 'collect')
    refuse('errors', "'throw' or 'collect'", errors);
  return options;
}

/** @throws PoolError `invalid-argument` for what is no object, or has an option nobody knows, which would do nothing. */
export function checkKeys(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) refuse(where, 'an object of options', options);
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new PoolError(
    'invalid-argument',
    `${where}: unknown option ${unknown}; there are ${known.join(', ')}`,
  );
}

interface Bounds {
  /** What it may be at least; else it is above 0. */
  least?: number;
  most?: number;
  whole?: boolean;
  unit?: string;
  /** Whether undefined is refused, too. */
  isNeeded?: boolean;
}

/** @throws PoolError `invalid-argument` unless the value is undefined, where it may be, or such a number. */
export function checkNumber(name: string, value: unknown, bounds: Bounds): void {
  const { least, most = Infinity, whole = false, isNeeded = false } = bounds;
  if (value === undefined && !isNeeded) return;
  const isWithin =
    typeof value === 'number' && value <= most && (least === undefined ? value > 0 : value >= least);
  if (!isWithin || (whole && !Number.isInteger(value))) refuse(name, numberInWords(bounds), value);
}

function numberInWords({ least, most, whole, unit = '' }: Bounds): string {
  const kind = `a${whole ? ' whole' : ''} number${unit}`;
  if (least === undefined) return `${kind} above 0`;
  if (most === undefined) return `${kind}, ${least} or more`;
  return `${kind} from ${least} to ${most.toLocaleString('en')}`;
}

export function refuse(name: string, expected: string, value: unknown): never {
  throw new PoolError('invalid-argument', `${name}: expected ${expected}, got ${given(value)}`);
}
