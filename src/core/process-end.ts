import type { ErrorCode } from './errors.js';

/** How a process has ended: by itself with a code, or by a signal. */
export interface ProcessEnd {
  code: number | null;
  signal: string | null;
}

/** What that means for a task that ran in it. */
export interface Loss {
  code: Extract<ErrorCode, 'worker-lost' | 'out-of-memory'>;
  message: string;
}

/**
 * Says how a worker's process has ended, and what to do.
 *
 * @param name of the worker
 * @param slots how many tasks may have run in it: of several nobody knows which one it was
 */
export function explainEnd(name: string, slots: number, { code, signal }: ProcessEnd): Loss {
  switch (signal) {
    // V8 gives up the process where a single step needs more than a heap near its limit has left: growing a large Map or
    // array. No task can do this otherwise, as `process.abort` is refused in threads; crashes of native code can.
    case 'SIGABRT':
    case 'SIGTRAP':
      return {
        code: slots === 1 ? 'out-of-memory' : 'worker-lost',
        message:
          `the process of ${name} was aborted (${signal}), as V8 does when one step needs more memory than there is; ` +
          'work on smaller parts, or raise the limit (maxHeap, --max-heap)',
      };
    case 'SIGKILL':
      return lost(
        `the process of ${name} was killed (SIGKILL): by somebody, by a machine that ran out of memory, or because a task ` +
          'in it was stuck in native code; make the call again if running twice does no harm',
      );
    case 'SIGSEGV':
    case 'SIGBUS':
    case 'SIGILL':
    case 'SIGFPE':
      return lost(
        `native code crashed the process of ${name} (${signal}); look for the add-on that the function uses`,
      );
    default:
      return lost(
        `the process of ${name} ended (${signal ?? `code ${code}`}); make the call again if running twice does no harm`,
      );
  }
}

function lost(message: string): Loss {
  return { code: 'worker-lost', message };
}
