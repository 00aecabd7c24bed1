/** A place in a file, as stacks name it: lines and columns from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** What a function's file is called where it is compiled; its id tells functions apart. */
export function taskFileName(functionId: string): string {
  return `offhand-task-${functionId.slice(0, 12)}.js`;
}

/** Where the frames of a stack begin, behind the words of the error. */
function split(stack: string): { head: string; frames: string[] } {
  const lines = stack.split('\n');
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  if (first < 0) return { head: stack, frames: [] };
  return { head: lines.slice(0, first).join('\n'), frames: lines.slice(first) };
}

function join(head: string, frames: readonly string[]): string {
  return [head, ...frames].join('\n');
}

/**
 * The stack of an error that a shipped function threw, with the places where that is written. What stands behind the
 * function's first frame is how a worker came to call it, which is nobody's concern.
 *
 * @param placeOf where a line and column of the function's source, both from 1, are written; undefined where nobody knows.
 */
export function showWritten(
  stack: string,
  functionId: string,
  placeOf: (line: number, column: number) => Place | undefined,
): string {
  const { head, frames } = split(stack);
  const place = `${taskFileName(functionId).replaceAll('.', '\\.')}:(\\d+):(\\d+)`;
  const named = new RegExp(`^(\\s+at .*? \\().*${place}(\\))$`);
  const nameless = new RegExp(`^(\\s+at (?:async )?).*${place}()$`);
  const inTask = (frame: string) => named.exec(frame) ?? nameless.exec(frame);
  const last = frames.findLastIndex((frame) => inTask(frame));
  if (last < 0) return stack;
  return join(
    head,
    frames.slice(0, last + 1).map((frame) => {
      const match = inTask(frame);
      const found = match && placeOf(Number(match[2]), Number(match[3]));
      return found ? `${match[1]}${found.file}:${found.line}:${found.column}${match[4]}` : frame;
    }),
  );
}

/**
 * The frames from the caller on, of a stack that was taken on the way to it.
 *
 * @param isOwn whether a frame is of the library.
 */
export function callerFrames(stack: string, isOwn: (frame: string) => boolean): string[] {
  const { frames } = split(stack);
  return frames.slice(frames.findLastIndex(isOwn) + 1);
}

/**
 * The same stack with the caller's frames behind it, in place of the library's at its end. Of an error that the library itself
 * has made these are all.
 */
export function continueStack(
  stack: string,
  caller: readonly string[],
  isOwn: (frame: string) => boolean,
): string {
  const { head, frames } = split(stack);
  if (frames[0] !== undefined && isOwn(frames[0])) return join(head, caller);
  const end = frames.findLastIndex((frame) => !isOwn(frame) && !/\(?node:[\w/]+:\d+:\d+\)?$/.test(frame)) + 1;
  return join(head, [...frames.slice(0, end), ...caller]);
}
