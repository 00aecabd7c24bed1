import { setTimeout as delay } from 'node:timers/promises';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { PoolError } from '../core/errors.js';
import { addressOption, withCoordinator } from './pool-address.js';

interface Arguments {
  address: string | undefined;
}

const POLL_MS = 100;

export const stopCommand: CommandModule<object, Arguments> = {
  command: 'stop',
  describe: 'Stop the pool: running tasks finish, then every process ends',
  builder: (argv: Argv) => argv.options(addressOption).example('$0 stop', 'the pool on this machine'),
  handler: async ({ address }: ArgumentsCamelCase<Arguments>) => {
    await withCoordinator(address, async (coordinator) => {
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
