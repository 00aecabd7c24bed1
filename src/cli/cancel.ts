import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import { eachTask } from './each-task.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';

interface Arguments extends PoolArguments {
  ids: string[];
}

export const cancelCommand: CommandModule<object, Arguments> = {
  command: 'cancel <ids..>',
  describe: 'Cancel submitted tasks, those that run too',
  builder: (argv: Argv) =>
    argv
      .positional('ids', { type: 'string', array: true, demandOption: true, describe: 'ids of tasks' })
      .options(poolOptions)
      .example(
        '$0 cancel mws3yds4b9cb501d9ec6fca0',
        'one that has ended stays as it is',
      ) as unknown as Argv<Arguments>,
  handler: async ({ ids, address, tlsCa }: ArgumentsCamelCase<Arguments>) => {
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    await eachTask(pool, ids, async (task) => {
      await task.cancel();
      // What runs is over when it has stopped.
      await task.result().catch(() => undefined);
    });
  },
};
