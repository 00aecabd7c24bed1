import yargs, { type Argv, type CommandModule } from 'yargs';
import { VERSION } from '../wire/protocol.js';
import { allowCommand } from './allow.js';
import { certCommand } from './cert.js';
import { fail } from './fail.js';
import { refusalOf } from './refusal.js';
import { grapherCommand } from './grapher.js';
import { replayCommand } from './replay.js';
import { runCommand } from './run.js';
import { cancelCommand } from './cancel.js';
import { consoleCommand } from './console.js';
import { logsCommand } from './logs.js';
import { resultCommand } from './result.js';
import { retryCommand } from './retry.js';
import { submitCommand } from './submit.js';
import { tasksCommand } from './tasks.js';
import { drainCommand } from './drain.js';
import { policyCommand } from './policy.js';
import { scaleCommand } from './scale.js';
import { scriptsCommand } from './scripts.js';
import { serverCommand } from './server.js';
import { statusCommand } from './status.js';
import { stopCommand } from './stop.js';
import { tokenCommand } from './token.js';
import { whyCommand } from './why.js';
import { workerCommand } from './worker.js';

/** In the order in which --help lists them. */
const COMMANDS = [
  serverCommand,
  workerCommand,
  statusCommand,
  scaleCommand,
  policyCommand,
  drainCommand,
  allowCommand,
  runCommand,
  submitCommand,
  tasksCommand,
  resultCommand,
  logsCommand,
  whyCommand,
  cancelCommand,
  retryCommand,
  scriptsCommand,
  consoleCommand,
  stopCommand,
  grapherCommand,
  replayCommand,
  tokenCommand,
  certCommand,
] as unknown as readonly CommandModule[];

/** What is a list by its nature. */
const LISTS = [
  '_',
  'files',
  'hosts',
  'glob',
  'args',
  'ids',
  'after',
  'state',
  'discover',
  'tag',
  'pass-env',
  'passEnv',
  'allow',
  'require',
  'http-allow-host',
  'httpAllowHost',
  'http-allow-origin',
  'httpAllowOrigin',
];

/** Parses the command line and runs its command. Every flag can also be given as `OFFHAND_<FLAG>`; the flag wins. */
export async function main(args: string[]): Promise<void> {
  await yargs(args)
    .scriptName('offhand')
    .usage('$0 <command>\n\nRun any function on a pool of workers.')
    .command(COMMANDS.map(withEnvironment))
    .demandCommand(1, 'which command? `offhand --help` lists them')
    .strictCommands()
    .strict()
    .check(refuseRepeated)
    .parserConfiguration({ 'parse-positional-numbers': false })
    .version(VERSION)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .fail((message: string | null, error: unknown) =>
      fail(error ?? new Error(refusalOf(message ?? 'unknown', args[0], COMMANDS))),
    )
    .parseAsync();
}

/**
 * Lets the environment give a command's flags, and only those: `OFFHAND_PORT` is for `server`, and none of the business of
 * `status` (which is why this is not yargs' own `.env`, whose other variables would be unknown arguments).
 */
function withEnvironment<T>(command: CommandModule<object, T>): CommandModule<object, T> {
  const build = command.builder as (argv: Argv) => Argv<T>;
  return {
    ...command,
    builder: (argv: Argv) => {
      const built = build(argv);
      const { key } = (built as unknown as { getOptions(): { key: Record<string, unknown> } }).getOptions();
      const given = Object.keys(key).flatMap((flag) => {
        const value = process.env[`OFFHAND_${flag.replaceAll('-', '_').toUpperCase()}`];
        if (value === undefined) return [];
        return [[flag, LISTS.includes(flag) ? value.split(',') : value]];
      });
      return built.config(Object.fromEntries(given) as Record<string, string>);
    },
  };
}

/** A flag that was given twice arrives as a list; which of the two was meant, nobody knows. */
function refuseRepeated(argv: Record<string, unknown>): true {
  const repeated = Object.keys(argv).find((key) => Array.isArray(argv[key]) && !LISTS.includes(key));
  if (repeated === undefined) return true;
  throw new Error(`--${repeated} was given more than once`);
}
