import { setTimeout as delay } from 'node:timers/promises';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { PoolError } from '../core/errors.js';
import { type PoolArguments, poolOptions, withCoordinator } from './flags/pool-address.js';

type Arguments = PoolArguments & { now: boolean };

const POLL_MS = 100;

export const stopCommand: CommandModule<object, Arguments> = {
  command: 'stop',
  describe: 'Stop the pool: running tasks finish, then every process ends',
  builder: (argv: Argv) =>
    argv
      .options(poolOptions)
      .option('now', { type: 'boolean', default: false, describe: 'stop what runs, too' })
      .example('$0 stop', 'the pool on this machine')
      .example('$0 stop --now', 'waiting for nobody') as unknown as Argv<Arguments>,
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    await withCoordinator(args, async (coordinator) => {
      await coordinator.handshake();
      try {
        await coordinator.stop({ now: args.now });
        for (;;) {
          await delay(POLL_MS);
          await coordinator.handshake();
        }
      } catch (error) {
        // That is what it is to come to; it may go before it has answered.
        if (!(error instanceof PoolError && error.code === 'unavailable')) throw error;
      }
    });
    console.log('stopped');
  },
};
