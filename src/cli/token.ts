import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { replaceToken } from '../host/token.js';
import { readOnlyToken } from '../wire/access.js';
import { ensureFullToken } from './flags/full-token.js';

interface Arguments {
  new: boolean;
  readOnly: boolean;
}

export const tokenCommand: CommandModule<object, Arguments> = {
  command: 'token',
  describe: "Print this user's token, which every call to a pool needs",
  builder: (argv: Argv) =>
    argv
      .option('new', {
        type: 'boolean',
        default: false,
        describe: 'replace it, and the read-only one with it; pools that run keep the old ones',
      })
      .option('read-only', {
        type: 'boolean',
        default: false,
        describe: 'the one that may only look: status, tasks, results, logs, metrics',
      })
      .example('$0 token --read-only', 'for a monitor, which is to run nothing')
      .example(
        'OFFHAND_TOKEN=$(ssh server offhand token) node app.js',
        'use a pool of another machine',
      ) as unknown as Argv<Arguments>,
  // yargs hands on only what a promise is rejected with.
  // eslint-disable-next-line @typescript-eslint/require-await
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    const token = args.new ? replaceToken() : ensureFullToken();
    console.log(args.readOnly ? readOnlyToken(token) : token);
  },
};
