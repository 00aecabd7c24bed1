import type { Argv } from 'yargs';
import { parseArgument } from './json-argument.js';
import { loadExport } from './load-export.js';

/** What `run` and `submit` know of the call they are given on the command line. */
export interface CallArguments {
  target: string;
  args: string[];
}

export function callPositionals(argv: Argv): Argv {
  return argv
    .positional('target', { type: 'string', describe: 'FILE#EXPORT (.js .mjs .cjs .ts)' })
    .positional('args', {
      type: 'string',
      array: true,
      default: [],
      describe: 'its arguments, each as JSON',
    });
}

/**
 * The function that is called, and the values for it.
 *
 * @throws PoolError `invalid-argument`, saying which argument is no JSON, or what is wrong with the target.
 */
export async function callFrom({
  target,
  args,
  _: words,
}: CallArguments & { _: (string | number)[] }): Promise<{
  fn: (...args: unknown[]) => unknown;
  values: unknown[];
}> {
  // What follows `--` (negative numbers, say) comes as further words after the command's name.
  const values = [...args, ...words.slice(1).map(String)].map(parseArgument);
  return { fn: await loadExport(target), values };
}
