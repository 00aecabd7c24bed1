import { setTimeout as delay } from 'node:timers/promises';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { PoolError } from '../core/errors.js';
import { type PoolArguments, poolOptions, withCoordinator } from './pool-address.js';

const POLL_MS = 100;

export const stopCommand: CommandModule<object, PoolArguments> = {
  command: 'stop',
  describe: 'Stop the pool: running tasks finish, then every process ends',
  builder: (argv: Argv) =>
    argv
      .options(poolOptions)
      .example('$0 stop', 'the pool on this machine') as unknown as Argv<PoolArguments>,
  handler: async (pool: ArgumentsCamelCase<PoolArguments>) => {
    await withCoordinator(pool, async (coordinator) => {
      await coordinator.stop();
      for (;;) {
        try {
          await coordinator.handshake();
        } catch (error) {
          if (error instanceof PoolError && error.code === 'unavailable') return;
          throw error;
        }
        await delay(POLL_MS);
      }
    });
    console.log('stopped');
  },
};
