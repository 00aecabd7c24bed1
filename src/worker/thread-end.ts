import { messageOf } from '../core/errors.js';
import type { Failure } from '../wire/outcome.js';

/** Of an error's message, in characters. */
const MAX_WORDS = 64 * 1024;

/** How a thread ended that was not told to. */
export type ThreadEnd =
  /** It used up this much memory for JavaScript objects, in MiB. */
  | { kind: 'out-of-memory'; limitMb: number | undefined }
  | { kind: 'uncaught'; error: unknown }
  | { kind: 'exit'; code: number };

/** @param uncaught what nobody caught, in an array; undefined when nothing was thrown. */
export function threadEnd(
  code: number,
  uncaught: [unknown] | undefined,
  limitMb: number | undefined,
): ThreadEnd {
  if (!uncaught) return { kind: 'exit', code };
  const [error] = uncaught;
  const isHeap = (error as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isHeap ? { kind: 'out-of-memory', limitMb } : { kind: 'uncaught', error };
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
      const message = `\`${name}\` left an error that nobody caught: ${messageOf(end.error).slice(0, MAX_WORDS)}; await all that it starts`;
      return { code: 'exited', message, mayHaveRun: true };
    }
    case 'exit': {
      const message = `\`${name}\` ended its thread with process.exit(${end.code}); return or throw instead`;
      return { code: 'exited', message, mayHaveRun: true };
    }
  }
}
