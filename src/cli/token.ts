import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { ensureToken, replaceToken } from '../host/token.js';

interface Arguments {
  new: boolean;
}

export const tokenCommand: CommandModule<object, Arguments> = {
  command: 'token',
  describe: "Print this user's token, which every call to a pool needs",
  builder: (argv: Argv) =>
    argv
      .option('new', {
        type: 'boolean',
        default: false,
        describe: 'replace it; pools that run keep the old one',
      })
      .example('OFFHAND_TOKEN=$(ssh server offhand token) node app.js', 'use a pool of another machine'),
  handler: (args: ArgumentsCamelCase<Arguments>) => {
    console.log(args.new ? replaceToken() : ensureToken());
  },
};
