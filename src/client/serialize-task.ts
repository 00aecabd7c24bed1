import { PoolError } from '../core/errors.js';
import { serialize } from '../wire/serialized-task.js';
import { previewOf } from './shipping/arguments-preview.js';
import { Captures } from './shipping/captures.js';
import { checkCallOptions, checkKeys } from './options.js';
import { checkSubmitOptions, type SubmitOptions } from './submitted/submit-options.js';

/** How a serialized task is run; each option as for `pool.submit`. */
export interface SerializeOptions extends Pick<
  SubmitOptions,
  | 'name'
  | 'priority'
  | 'delayMs'
  | 'timeoutMs'
  | 'queueTimeoutMs'
  | 'deadlineMs'
  | 'retries'
  | 'retryOn'
  | 'group'
  | 'requires'
  | 'expectedMs'
> {
  /** Values, functions and classes that go along with the function, which finds them by these names. */
  capture?: Record<string, unknown>;
}

/** What each option is called in a serialized task. */
const NAMES = {
  name: 'name',
  priority: 'priority',
  delayMs: 'delay_ms',
  timeoutMs: 'timeout_ms',
  queueTimeoutMs: 'queue_timeout_ms',
  deadlineMs: 'deadline_ms',
  retries: 'retries',
  retryOn: 'retry_on',
  group: 'group',
  requires: 'requires',
  expectedMs: 'expected_ms',
} as const;

export interface SerializeTask {
  <A extends unknown[], R>(fn: (...args: A) => R, ...args: A): string;
  <F extends (...args: never[]) => unknown>(fn: F, ...args: Parameters<F>): string;
  /** The same with options, which go along with the task. */
  with(options: SerializeOptions): SerializeTask;
}

/**
 * A call as text, for `POST /submit_task` of a pool: JSON, no part of which is evaluated while it is read. Functions and values
 * are those of `pool.run`.
 *
 * @throws PoolError `not-shippable`, `not-cloneable`, `too-large`; `invalid-argument` for options
 */
export const serializeTask: SerializeTask = withOptions({}, Captures.none);

function withOptions(options: Omit<SerializeOptions, 'capture'>, captures: Captures): SerializeTask {
  const wireOptions = Object.fromEntries(
    Object.entries(options).map(([key, value]) => [NAMES[key as keyof typeof NAMES], value]),
  );
  const serializeOne = (fn: unknown, ...args: unknown[]): string => {
    const shipped = shipFrom(captures, fn);
    return serialize(shipped, options.name ?? shipped.name, args, previewOf(args), wireOptions);
  };
  return Object.assign(serializeOne, {
    with(more: SerializeOptions): SerializeTask {
      checkKeys('serializeTask.with', more, [...Object.keys(NAMES), 'capture']);
      const { capture, ...others } = more;
      checkSubmitOptions(others, {});
      if (capture !== undefined) checkCallOptions({ capture });
      return withOptions({ ...options, ...others }, capture ? captures.with(capture) : captures);
    },
  });
}

/** What is refused is told in terms of what is called here. */
function shipFrom(captures: Captures, fn: unknown) {
  try {
    return captures.ship(fn);
  } catch (error) {
    if (!(error instanceof PoolError) || error.code !== 'not-shippable') throw error;
    const message = error.message.replaceAll('pool.with(', 'serializeTask.with(');
    throw new PoolError(error.code, message, { cause: error });
  }
}
