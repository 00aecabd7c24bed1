import yargs from 'yargs';
import { VERSION } from '../wire/protocol.js';
import { fail } from './fail.js';
import { grapherCommand } from './grapher.js';
import { runCommand } from './run.js';
import { serverCommand } from './server.js';
import { statusCommand } from './status.js';
import { stopCommand } from './stop.js';
import { tokenCommand } from './token.js';

/** Parses the command line and runs its command. Every flag can also be given as `OFFHAND_<FLAG>`; the flag wins. */
export async function main(args: string[]): Promise<void> {
  await yargs(args)
    .scriptName('offhand')
    .usage('$0 <command>\n\nRun any function on a pool of workers.')
    .command(serverCommand)
    .command(statusCommand)
    .command(runCommand)
    .command(stopCommand)
    .command(grapherCommand)
    .command(tokenCommand)
    .env('OFFHAND')
    // Read by the client library itself; named here so that the environment may hold them beside any command.
    .option('token', { type: 'string', hidden: true })
    .option('inline', { type: 'string', hidden: true })
    .demandCommand(1, 'which command? `offhand --help` lists them')
    .strict()
    .parserConfiguration({ 'parse-positional-numbers': false })
    .version(VERSION)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .fail((message: string | null, error: unknown) => fail(error ?? new Error(explain(message ?? 'unknown'))))
    .parseAsync();
}

/** npm swallows flags that stand before `--` and passes their values on as words of their own. */
function explain(message: string): string {
  const stray = /^Unknown arguments?: (.+)$/.exec(message)?.[1];
  if (stray === undefined) return message;
  return `unknown argument ${stray}; see --help (after \`npm run\`, flags need -- before them: npm run server -- 4 --port 5005)`;
}
