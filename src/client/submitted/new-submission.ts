import { PoolError } from '../../core/errors.js';
import type { NewTask } from '../../wire/generated/offhand/v1/NewTask.js';
import { bytesOf } from '../../wire/outcome.js';
import { newTaskId } from '../../wire/task-id.js';
import { encodePayload } from '../../wire/values/payload.js';
import { previewOf } from '../shipping/arguments-preview.js';
import type { Captures } from '../shipping/captures.js';
import { type CallOptions, refuse } from '../options.js';
import { Reference } from '../shipping/references.js';
import type { Setups } from '../shipping/setups.js';
import { shipCall } from '../shipping/ship.js';
import type { NewSubmission } from './submit-message.js';
import type { CheckedSubmitOptions } from './submit-options.js';
import { TaskHandle } from './task-handle.js';

/** What is called, with what goes along and what the pool has as options. */
export interface SubmittedCallee {
  fn: unknown;
  captures: Captures;
  setups?: Setups | undefined;
  defaults: CallOptions;
}

type Results = { index: number; taskId: string }[];

/**
 * Makes a call ready to be submitted.
 *
 * @param like one with the same options, which it may have much in common with.
 * @throws PoolError when the function or its arguments cannot be sent
 */
export function newSubmission(
  { fn, captures, setups, defaults }: SubmittedCallee,
  given: unknown,
  options: CheckedSubmitOptions,
  like?: NewSubmission,
): NewSubmission {
  if (!Array.isArray(given)) refuse('args', 'an array of arguments, [] where there are none', given);
  const results: Results = [];
  const args = given.map((value: unknown, index) => {
    if (value instanceof Reference)
      throw new PoolError(
        'invalid-argument',
        `args[${index}]: a value of pool.put ends with this pool, which a submitted task outlives; submit the value itself`,
      );
    if (!(value instanceof TaskHandle)) return value;
    results.push({ index, taskId: value.id });
    return undefined;
  });
  const name = options.name ?? defaults.name;
  const shipped = shipCall({ fn, args, captures, setups, options: name === undefined ? {} : { name } });
  const payload = 'data' in shipped.args ? shipped.args : encodePayload(shipped.args, 'V8', 'arguments');
  const isLike = results.length === 0 && like?.fn.id === shipped.fn.id && !like.common.results;
  return {
    common: isLike ? like.common : commonOf(shipped.fn.id, shipped.name, results, options),
    id: newTaskId(Date.now()),
    args: bytesOf(payload),
    preview: previewOf(given),
    fn: shipped.fn,
  };
}

/** What is left out has its default. */
function commonOf(
  functionId: string,
  name: string,
  results: Results,
  options: CheckedSubmitOptions,
): NewTask {
  const { after, priority, delayMs, key, group, timeoutMs, queueTimeoutMs, deadlineMs } = options;
  const { retries, retryOn, requires, expectedMs } = options;
  return {
    functionId,
    name,
    ...(results.length > 0 && { results }),
    ...(after && { after: after.map(({ id }) => id) }),
    ...(priority && { priority }),
    ...(delayMs && { delayMs }),
    ...(key && { key }),
    ...(group && { group: group.name, groupLimit: group.limit }),
    ...(timeoutMs !== undefined && { limits: { timeoutMs } }),
    ...(queueTimeoutMs && { queueTimeoutMs }),
    ...(deadlineMs && { deadlineMs }),
    ...((retries !== undefined || retryOn) && {
      retry: { ...(retries !== undefined && { retries }), retryOn: [...(retryOn ?? [])] },
    }),
    ...(requires && { requires: [...requires] }),
    ...(expectedMs !== undefined && { expectedMs }),
  };
}
