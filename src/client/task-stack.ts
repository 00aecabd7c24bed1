import { fileURLToPath } from 'node:url';
import { callerFrames, type CompiledFile, continueStack, hasSentCode, showWritten } from '../core/stack.js';
import { isError } from '../wire/values/uncloneable.js';

/** Causes of causes, and errors in errors, are followed so deep. */
const MAX_DEPTH = 8;

/** Where this library is, and where its source maps say that it was written. */
const OWN_FOLDERS = ['../', '../../src/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

function isOwn(frame: string): boolean {
  return OWN_FOLDERS.some((folder) => frame.includes(folder));
}

/**
 * Has the stack of what a function threw, and of its causes, name the places where its code is written. They are looked up when
 * somebody reads the stack.
 */
export function nameWrittenPlaces(thrown: unknown, files: readonly CompiledFile[]): void {
  forEachError(thrown, (error) => {
    if (ranOnWorker(error)) changeStack(error, (stack) => showWritten(stack, files));
  });
}

/** Rejects, with where the call was made in the stack of the error. For the promise that the caller awaits to follow. */
export async function throwToCaller(error: unknown): Promise<never> {
  // A promise follows another two turns after it was told to: only then V8 sees who waits behind it.
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
  nameCaller(error);
  throw error;
}

/** Has the stack of an error go on with where the call was made: to be asked in an async function that the caller awaits. */
export function nameCaller(error: unknown): void {
  if (!isError(error) || !Object.isExtensible(error)) return;
  const here: { stack?: string } = {};
  Error.captureStackTrace(here);
  const caller = callerFrames(here.stack ?? '', isOwn).filter((frame) => !/\(node:internal\//.test(frame));
  if (caller.length > 0) changeStack(error, (stack) => continueStack(stack, caller, isOwn));
}

function ranOnWorker(error: Error): boolean {
  try {
    return typeof error.stack === 'string' && hasSentCode(error.stack);
  } catch {
    return false; // A getter of the function's own, and what it throws is no news to anybody.
  }
}

/** When it is read for the first time. */
function changeStack(error: Error, change: (stack: string) => string): void {
  const before = Object.getOwnPropertyDescriptor(error, 'stack');
  if (before && !before.configurable) return;
  const read = (): unknown => (before?.get ? before.get.call(error) : before?.value);
  let stack: { value: unknown } | undefined;
  Object.defineProperty(error, 'stack', {
    configurable: true,
    enumerable: false,
    get() {
      if (!stack) {
        const value = read();
        stack = { value: typeof value === 'string' ? change(value) : value };
      }
      return stack.value;
    },
    set(value: unknown) {
      stack = { value };
    },
  });
}

function forEachError(value: unknown, act: (error: Error) => void, depth = 0): void {
  if (depth > MAX_DEPTH || !isError(value)) return;
  act(value);
  forEachError(value.cause, act, depth + 1);
  const { errors } = value as Partial<AggregateError>;
  if (Array.isArray(errors)) for (const each of errors) forEachError(each, act, depth + 1);
}
