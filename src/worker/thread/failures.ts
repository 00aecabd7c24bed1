import { inspect } from 'node:util';
import { messageOf, PoolError } from '../../core/errors.js';
import { RefusedStream } from '../../wire/functions/generator-run.js';
import type { Failure } from '../../wire/outcome.js';
import { encodePayload, type Encoding } from '../../wire/values/payload.js';
import { isError } from '../../wire/values/uncloneable.js';

/** Of what a function threw, name, message and stack go along in words, each at most this long. */
const MAX_WORDS = 64 * 1024;

/** What the worker itself has to say of a task. */
export function failureOf(error: unknown, mayHaveRun: boolean): Failure {
  const known = error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
  const failure: Failure = { code: known.code, message: known.message, mayHaveRun };
  // What user code threw while it was loaded: its stack says where.
  if (known.code !== 'not-shippable' || !isError(known.cause)) return failure;
  try {
    return { ...failure, error: encodePayload(known.cause, 'V8', 'the thrown value') };
  } catch {
    return failure;
  }
}

/** What a function threw: whole for the client, and in words for everybody else. */
export function thrownFailure(thrown: unknown, encoding: Encoding): Failure {
  if (thrown instanceof RefusedStream) return failureOf(thrown.reason, true);
  const failure: Failure = { code: 'thrown', ...inWords(thrown), mayHaveRun: true };
  if (encoding === 'JSON') return failure;
  try {
    return { ...failure, error: encodePayload(thrown, encoding, 'the thrown value') };
  } catch {
    return failure; // What cannot be copied still arrives in words.
  }
}

function inWords(thrown: unknown): Pick<Failure, 'message' | 'name' | 'stack'> {
  try {
    if (!isError(thrown)) return { message: text(inspect(thrown)) };
    return { message: text(thrown.message), name: text(thrown.name), stack: text(thrown.stack) };
  } catch {
    return { message: 'what the function threw cannot even be looked at' };
  }
}

/** A thrown error may hold anything where its words should be, and any amount of it. */
function text(value: unknown): string {
  const words = typeof value === 'string' ? value : value === undefined ? '' : inspect(value);
  return words.length <= MAX_WORDS ? words : `${words.slice(0, MAX_WORDS)}…`;
}
