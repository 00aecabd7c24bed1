import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { MAX_WORKERS } from '../core/autoscaler.js';
import { type PoolArguments, poolOptions, withCoordinator } from './flags/pool-address.js';
import { wholeNumber } from './flags/whole-number.js';
import { counted } from './table.js';

type Arguments = PoolArguments & { workers: string };

export const scaleCommand: CommandModule<object, Arguments> = {
  command: 'scale <workers>',
  describe: 'Change how many workers the pool has of its own, while it runs',
  builder: (argv: Argv) =>
    argv
      .positional('workers', { type: 'string', demandOption: true, describe: 'how many from now on' })
      .options(poolOptions)
      .example(
        '$0 scale 8',
        'starts those that are missing; those too many finish what they run',
      ) as unknown as Argv<Arguments>,
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    const workers = wholeNumber('workers', args.workers, 0, MAX_WORKERS);
    const now = await withCoordinator(args, (coordinator) => coordinator.scale(workers));
    console.log(`${counted(now, 'worker')} from now on`);
  },
};
