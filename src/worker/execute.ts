import { inspect } from 'node:util';
import { LRUCache } from 'lru-cache';
import { PoolError, messageOf } from '../core/errors.js';
import { type AnyFunction, compileFunction } from '../wire/functions/compile.js';
import type { Failure, Outcome } from '../wire/outcome.js';
import { decodeArguments, encodePayload, type Encoding } from '../wire/values/payload.js';
import { isError } from '../wire/values/uncloneable.js';
import type { ThreadCall } from './thread-messages.js';

/** Functions kept compiled in one thread. */
const MAX_FUNCTIONS = 1_000;

/** Decodes, runs and encodes one call. Lives in the thread of a slot. */
export class Executor {
  readonly #functions = new LRUCache<string, AnyFunction>({ max: MAX_FUNCTIONS });
  readonly #base: string;

  /** @param base absolute path of a file, real or not, from which functions resolve what they import. */
  constructor(base: string) {
    this.#base = base;
  }

  /** Never rejects: whatever goes wrong is the outcome. */
  async execute(call: ThreadCall, onBegin: () => void): Promise<Outcome> {
    const { encoding } = call.args;
    let startedAt: number | undefined;
    try {
      const args = decodeArguments(call.args);
      const fn = this.#functionOf(call, onBegin);
      startedAt = performance.now();
      let value: unknown;
      try {
        value = await fn(...args);
      } catch (thrown) {
        return failed(thrownFailure(thrown, encoding), performance.now() - startedAt);
      }
      const runMs = performance.now() - startedAt;
      return { kind: 'result', result: encodePayload(value, encoding, 'the result'), runMs };
    } catch (error) {
      const mayHaveRun = startedAt !== undefined;
      const known = error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
      const runMs = startedAt === undefined ? 0 : performance.now() - startedAt;
      return failed({ code: known.code, message: known.message, mayHaveRun }, runMs);
    }
  }

  #functionOf(call: ThreadCall, onBegin: () => void): AnyFunction {
    const known = this.#functions.get(call.functionId);
    if (known || call.source !== undefined) onBegin(); // Compiling already runs what stands around a function.
    if (known) return known;
    if (call.source === undefined) {
      throw new PoolError(
        'code-unknown',
        `this worker does not know the function ${call.functionId}: send its source`,
      );
    }
    const compiled = compileFunction(call.source, this.#base);
    this.#functions.set(call.functionId, compiled);
    return compiled;
  }
}

function failed(failure: Failure, runMs: number): Outcome {
  return { kind: 'failure', failure, runMs };
}

/** What a function threw: whole for the client, and in words for everybody else. */
function thrownFailure(thrown: unknown, encoding: Encoding): Failure {
  const words = isError(thrown)
    ? { message: text(thrown.message), name: text(thrown.name), stack: text(thrown.stack) }
    : { message: inspect(thrown) };
  const failure: Failure = { code: 'thrown', ...words, mayHaveRun: true };
  if (encoding === 'JSON') return failure;
  try {
    return { ...failure, error: encodePayload(thrown, encoding, 'the thrown value') };
  } catch {
    return failure; // What cannot be copied still arrives in words.
  }
}

/** A thrown error may hold anything where its words should be. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : inspect(value);
}
