import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { POLICIES, type PolicyName } from '../core/scheduler/placement.js';
import { type PoolArguments, poolOptions, withCoordinator } from './flags/pool-address.js';

type Arguments = PoolArguments & { name: PolicyName | undefined };

export const policyCommand: CommandModule<object, Arguments> = {
  command: 'policy [name]',
  describe: 'Print how workers are chosen, or choose them otherwise while the pool runs',
  builder: (argv: Argv) =>
    argv
      .positional('name', { choices: POLICIES, describe: 'from now on, see docs/scheduling.md' })
      .options(poolOptions)
      .example(
        '$0 policy least-remaining',
        'what runs goes on; what waits is placed anew',
      ) as unknown as Argv<Arguments>,
  handler: async ({ name, ...pool }: ArgumentsCamelCase<Arguments>) => {
    const text = await withCoordinator(pool, async (coordinator) => {
      if (name === undefined) return (await coordinator.status()).policy;
      await coordinator.setPolicy(name);
      return `${name} from now on`;
    });
    console.log(text);
  },
};
