import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { type PoolArguments, poolOptions, withCoordinator } from './flags/pool-address.js';

type Arguments = PoolArguments & { worker: string };

export const drainCommand: CommandModule<object, Arguments> = {
  command: 'drain <worker>',
  describe: 'Let one worker finish what it runs, and leave the pool for good',
  builder: (argv: Argv) =>
    argv
      .positional('worker', { type: 'string', demandOption: true, describe: 'its name, as status gives it' })
      .options(poolOptions)
      .example('$0 drain worker-2', 'and wait until it is gone') as unknown as Argv<Arguments>,
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    await withCoordinator(args, (coordinator) => coordinator.drain(args.worker));
    console.log(`${args.worker} is gone`);
  },
};
