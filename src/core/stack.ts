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

/** What a bundled module's file is called where it is loaded. @param name of the module's own file */
export function moduleFileName(moduleId: string, name: string): string {
  return `offhand-module-${moduleId.slice(0, 12)}-${name}`;
}

/** In the name of such a file, whichever it is. */
const COMPILED = /offhand-(?:task|module)-[0-9a-f]{12}[-.]/;

/** A file that code was compiled under on a worker. */
export interface CompiledFile {
  name: string;
  /** Where a line and column of it, both from 1, are written; undefined where nobody knows. */
  placeOf(line: number, column: number): Place | undefined;
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

/** Whether there are frames in it of code that was sent to a worker. */
export function hasSentCode(stack: string): boolean {
  return COMPILED.test(stack);
}

/**
 * The stack of an error that came from a worker, with the places where its code is written, as far as that is known here. What
 * stands behind the first frame of that code is how the worker came to call it, which is nobody's concern.
 */
export function showWritten(stack: string, files: readonly CompiledFile[] = []): string {
  const { head, frames } = split(stack);
  const patterns = files.map((file) => ({ file, match: frameOf(file.name) }));
  const shown = frames.map((frame) => {
    for (const { file, match } of patterns) {
      const found = match(frame);
      if (found) return { frame: inPlace(frame, found, file), isTask: true };
    }
    return COMPILED.test(frame) ? { frame: withoutFolder(frame), isTask: true } : { frame, isTask: false };
  });
  const last = shown.findLastIndex(({ isTask }) => isTask);
  if (last < 0) return stack;
  return join(
    head,
    shown.slice(0, last + 1).map(({ frame }) => frame),
  );
}

/** Finds the place in a frame of this file. */
function frameOf(name: string): (frame: string) => RegExpExecArray | null {
  const place = `${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}:(\\d+):(\\d+)`;
  const named = new RegExp(`^(\\s+at .*? \\().*${place}(\\))$`);
  const nameless = new RegExp(`^(\\s+at (?:async )?).*${place}()$`);
  return (frame) => named.exec(frame) ?? nameless.exec(frame);
}

function inPlace(
  frame: string,
  [, before, line, column, after]: RegExpExecArray,
  file: CompiledFile,
): string {
  const found = file.placeOf(Number(line), Number(column));
  return found ? `${before}${found.file}:${found.line}:${found.column}${after}` : withoutFolder(frame);
}

/** The file is in none: it was never written down. */
function withoutFolder(frame: string): string {
  const start = frame.endsWith(')')
    ? frame.indexOf(' (') + 2
    : (/^\s+at (?:async )?/.exec(frame)?.[0].length ?? 0);
  return frame.slice(0, start) + frame.slice(frame.search(COMPILED));
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
