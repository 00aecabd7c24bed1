import { messageOf } from '../core/errors.js';
import type { Failure } from '../wire/outcome.js';
import type { Stray } from './strays.js';

/** Of an error's message, in characters. */
const MAX_WORDS = 64 * 1024;

/** How a thread ended that was not told to. */
export type ThreadEnd =
  /** It used up this much memory for JavaScript objects, in MiB. */
  | { kind: 'out-of-memory'; limitMb: number | undefined }
  | { kind: 'uncaught'; stray: Stray }
  | { kind: 'exit'; code: number };

/**
 * @param stray what the thread said that nobody caught.
 * @param uncaught what Node says that nobody caught, in an array; undefined when nothing was thrown.
 */
export function threadEnd(
  code: number,
  stray: Stray | undefined,
  uncaught: [unknown] | undefined,
  limitMb: number | undefined,
): ThreadEnd {
  if (stray) return { kind: 'uncaught', stray };
  if (!uncaught) return { kind: 'exit', code };
  const [error] = uncaught;
  const isHeap = (error as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isHeap
    ? { kind: 'out-of-memory', limitMb }
    : { kind: 'uncaught', stray: { words: messageOf(error).slice(0, MAX_WORDS), error: undefined } };
}

/** What the task of that name fails with, which ran in the thread. */
export function failureOf(end: ThreadEnd, name: string): Failure {
  switch (end.kind) {
    case 'out-of-memory': {
      const limit = end.limitMb === undefined ? '' : ` of ${end.limitMb} MiB`;
      return {
        code: 'out-of-memory',
        message:
          `\`${name}\` used up its thread's memory for JavaScript objects${limit}; work on smaller parts, keep large data in ` +
          'Buffers, or raise the limit (maxHeap, --max-heap)',
        mayHaveRun: true,
      };
    }
    case 'uncaught': {
      const { words, error } = end.stray;
      const message = `\`${name}\` left an error that nobody caught: ${words}; await all that it starts`;
      return { code: 'exited', message, mayHaveRun: true, ...(error && { error }) };
    }
    case 'exit': {
      const message = `\`${name}\` ended its thread with process.exit(${end.code}); return or throw instead`;
      return { code: 'exited', message, mayHaveRun: true };
    }
  }
}
