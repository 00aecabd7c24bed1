import type { CallOptions, LogLine } from '../options.js';

type Output = 'OUTPUT_UNSPECIFIED' | 'KEPT' | 'SENT' | 'BOTH';

/** Where goes what a task prints, as workers are told. */
export function outputOf(logs: CallOptions['logs']): Output {
  if (logs === undefined) return 'OUTPUT_UNSPECIFIED';
  return logs === 'silent' ? 'KEPT' : 'SENT';
}

/** Shows a line as the caller wants it. */
export function showLine(logs: CallOptions['logs'], line: LogLine): void {
  if (typeof logs === 'function') tellCaller(() => logs(line));
  else if (logs === 'inherit') process[line.stream].write(`${line.text}\n`);
}

/** What the caller's own code throws is the caller's: it goes where errors of a listener go. */
export function tellCaller(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
