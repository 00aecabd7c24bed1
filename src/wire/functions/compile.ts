import { compileFunction as compile, constants } from 'node:vm';
import { messageOf, PoolError } from '../../core/errors.js';

export type AnyFunction = (...args: unknown[]) => unknown;
type Maker = (parts: readonly unknown[]) => unknown;

const OPENING = 'return (';

/**
 * Compiles an expression, for a function that evaluates it. No Script: V8 keeps something of each of these for ever.
 *
 * @param base absolute path of a file, real or not: `import()` inside the expression resolves from there.
 */
export function evaluator(source: string, base?: string): () => unknown {
  return compile(`${OPENING}${source}\n)`, [], {
    filename: base,
    // Columns are counted as if there were a bracket alone.
    columnOffset: 1 - OPENING.length,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }) as () => unknown;
}

/**
 * Turns shipped source into a function of this thread.
 *
 * @param base absolute path of a file, real or not: `import()` inside the function resolves from there.
 * @param parts what the source needs; where there is any it evaluates to a function of these.
 * @throws PoolError `not-shippable` when the source does not compile or is no function.
 */
export function compileFunction(source: string, base: string, parts: readonly unknown[] = []): AnyFunction {
  let value: unknown;
  try {
    value = evaluator(source, base)();
  } catch (error) {
    throw new PoolError('not-shippable', `the worker cannot compile the function: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (parts.length > 0) value = make(value as Maker, parts);
  if (typeof value === 'function') return value as AnyFunction;
  throw new PoolError(
    'not-shippable',
    `the source is not a function but ${value === null ? 'null' : typeof value}`,
  );
}

function make(maker: Maker, parts: readonly unknown[]): unknown {
  try {
    return maker(parts);
  } catch (error) {
    throw new PoolError('not-shippable', `what the function needs cannot be made: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
