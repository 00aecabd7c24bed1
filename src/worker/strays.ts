import { inspect } from 'node:util';
import { messageOf } from '../core/errors.js';
import { encodePayload, type Payload } from '../wire/values/payload.js';
import { isError } from '../wire/values/uncloneable.js';
import type { TaskScope } from './thread/task-scope.js';

/** Of an error's words, in characters. */
const MAX_WORDS = 64 * 1024;

/** An error that nobody caught, of the task that runs. */
export interface Stray {
  words: string;
  /** All of it, where it can be copied. */
  error: Payload | undefined;
}

/**
 * Sees to errors that nobody catches, and to `process.exit`. Those of the task that runs end the thread with it, by `end`:
 * nobody knows what else it has started. Those of a task that has ended are told as late, and nothing ends.
 */
export function watchStrays(scopeOf: () => TaskScope | undefined, end: (stray: Stray) => void): void {
  const onStray = (thrown: unknown) => {
    const scope = scopeOf();
    if (scope?.isSettled) scope.late(inWords(thrown));
    else end({ words: messageOf(thrown).slice(0, MAX_WORDS), error: copied(thrown) });
  };
  process.on('uncaughtException', onStray);
  process.on('unhandledRejection', onStray);
  const exit = process.exit.bind(process);
  const exitUnlessLate: typeof process.exit = (code) => {
    if (scopeOf()?.isSettled) throw new Error(`process.exit(${code ?? ''}) when its task had ended`);
    return exit(code);
  };
  Object.defineProperty(process, 'exit', { value: exitUnlessLate, configurable: true, writable: true });
}

function copied(thrown: unknown): Payload | undefined {
  try {
    return encodePayload(thrown, 'V8', 'the error');
  } catch {
    return undefined; // Its words are there all the same.
  }
}

function inWords(thrown: unknown): string {
  try {
    return (isError(thrown) ? String(thrown.stack) : inspect(thrown)).slice(0, MAX_WORDS);
  } catch {
    return 'an error that cannot even be looked at';
  }
}
