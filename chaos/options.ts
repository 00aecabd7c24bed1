import { randomInt } from 'node:crypto';
import yargs from 'yargs';
import { MISSING_RULES, type MissingRule } from './missing-rules.js';

export interface ChaosOptions {
  /** One run for each. */
  seeds: number[];
  seconds: number;
  workers: number;
  slots: number;
  clients: number;
  /** A rule that the pool is built without, to see whether the checker notices. */
  break: MissingRule | undefined;
}

/** Every flag may also be given as `OFFHAND_CHAOS_<FLAG>`. */
export async function readOptions(args: string[]): Promise<ChaosOptions> {
  const { seed, seeds, ...options } = await yargs(args)
    .env('OFFHAND_CHAOS')
    .option('seconds', { type: 'number', default: 60, describe: 'how long each run does harm' })
    .option('seed', {
      type: 'number',
      describe: 'repeats the faults and tasks of a run  [default: a random one]',
    })
    .option('seeds', {
      type: 'number',
      default: 1,
      describe: 'how many runs, each with the next seed; with --break at most',
    })
    .option('workers', { type: 'number', default: 4 })
    .option('slots', { type: 'number', default: 1, describe: 'slots of each worker' })
    .option('clients', { type: 'number', default: 3, describe: 'client processes, beside a steady one' })
    .option('break', {
      choices: MISSING_RULES,
      describe: 'a rule that the pool is to lack: the checker has to notice',
    })
    .strictOptions()
    .parseAsync();
  const first = seed ?? randomInt(1, 1_000_000);
  return {
    ...options,
    break: options.break,
    seeds: Array.from({ length: seeds }, (_, index) => first + index),
  };
}
