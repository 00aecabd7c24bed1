import { isErrorCode, PoolError } from '../core/errors.js';
import type { Failure__Output } from '../wire/generated/offhand/v1/Failure.js';
import type { RunCodeResponse__Output } from '../wire/generated/offhand/v1/RunCodeResponse.js';
import { decodePayload, payloadFrom } from '../wire/values/payload.js';

/** The result of a call. @throws what the function threw, or a PoolError when it ended otherwise. */
export function resultOf(response: RunCodeResponse__Output): unknown {
  if (response.failure) throw errorOf(response.failure);
  return decodePayload(payloadFrom(response.result, 'result'));
}

function errorOf({ code, message, name, stack, mayHaveRun, error }: Failure__Output): unknown {
  if (code !== 'thrown') return new PoolError(isErrorCode(code) ? code : 'internal', message, { mayHaveRun });
  if (error) return decodePayload(payloadFrom(error, 'failure.error'));
  const thrown = new Error(message);
  if (name) thrown.name = name;
  if (stack) thrown.stack = stack;
  return thrown;
}
