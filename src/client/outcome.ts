import { isErrorCode, messageOf, PoolError } from '../core/errors.js';
import type { Failure__Output } from '../wire/generated/offhand/v1/Failure.js';
import type { Payload__Output } from '../wire/generated/offhand/v1/Payload.js';
import type { TaskOutcomes__Output } from '../wire/generated/offhand/v1/TaskOutcomes.js';
import { decodePayload, payloadFrom } from '../wire/values/payload.js';

/** How long a task took where it ran, in ms, and whether it told nothing there. */
export type Took = Pick<TaskOutcomes__Output, 'waitMs' | 'decodeMs' | 'runMs' | 'quiet'>;

/** What a task failed with, for whoever passes it on: what the function threw stays encoded. */
export class UndecodedFailure extends PoolError {
  readonly failure: Failure__Output;

  /** Where its slot could still tell. */
  readonly took: Took | undefined;

  constructor(failure: Failure__Output, took?: Took) {
    const { code, message, mayHaveRun } = failure;
    super(isErrorCode(code) ? code : 'internal', message, { mayHaveRun });
    this.failure = failure;
    this.took = took;
  }
}

/** The results of tasks that ended alike. @throws PoolError when they cannot be decoded. */
export function resultsOf({ results, isList, count }: TaskOutcomes__Output): unknown[] {
  let value: unknown;
  try {
    value = decodePayload(payloadFrom(results, 'results'));
  } catch (error) {
    const code = error instanceof PoolError && error.code === 'too-large' ? error.code : 'internal';
    throw new PoolError(code, `results: ${messageOf(error)}`, { cause: error, mayHaveRun: true });
  }
  if (!isList) return [value];
  if (Array.isArray(value) && value.length === count) return value;
  throw new PoolError('internal', `results: expected an array of ${count}`, { mayHaveRun: true });
}

/** What a task failed with: what the function threw, or a PoolError when it ended otherwise. */
export function errorOf({ code, message, name, stack, mayHaveRun, error }: Failure__Output): unknown {
  if (code !== 'thrown') {
    const options = error ? { mayHaveRun, cause: causeOf(error) } : { mayHaveRun };
    return new PoolError(isErrorCode(code) ? code : 'internal', message, options);
  }
  try {
    if (error) return decodePayload(payloadFrom(error, 'failure.error'));
  } catch (damaged) {
    return damaged;
  }
  const thrown = new Error(message);
  if (name) thrown.name = name;
  if (stack) thrown.stack = stack;
  return thrown;
}

/** What nobody caught, say; where it is damaged, that. */
function causeOf(error: Payload__Output): unknown {
  try {
    return decodePayload(payloadFrom(error, 'failure.error'));
  } catch (damaged) {
    return damaged;
  }
}
