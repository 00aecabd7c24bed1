import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import { eachTask } from './each-task.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';

interface Arguments extends PoolArguments {
  ids: string[];
}

export const retryCommand: CommandModule<object, Arguments> = {
  command: 'retry <ids..>',
  describe: 'Let submitted tasks that failed, or were cancelled, run again',
  builder: (argv: Argv) =>
    argv
      .positional('ids', { type: 'string', array: true, demandOption: true, describe: 'ids of tasks' })
      .options(poolOptions)
      .example('$0 retry mws3yds4b9cb501d9ec6fca0', 'under the same id') as unknown as Argv<Arguments>,
  handler: async ({ ids, address, tlsCa }: ArgumentsCamelCase<Arguments>) => {
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    await eachTask(pool, ids, (task) => task.retry());
  },
};
