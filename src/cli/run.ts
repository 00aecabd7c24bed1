import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import { parseDurationMs } from './duration.js';
import { parseArgument } from './json-argument.js';
import { loadExport } from './load-export.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './pool-address.js';

interface Arguments extends PoolArguments {
  target: string;
  args: string[];
  timeout: string | undefined;
  json: boolean;
}

export const runCommand: CommandModule<object, Arguments> = {
  command: 'run <target> [args..]',
  describe: 'Run one exported function on the pool and print its result',
  builder: (argv: Argv) =>
    argv
      .positional('target', { type: 'string', describe: 'FILE#EXPORT (.js .mjs .cjs .ts)' })
      .positional('args', {
        type: 'string',
        array: true,
        default: [],
        describe: 'its arguments, each as JSON',
      })
      .options(poolOptions)
      .option('timeout', { type: 'string', describe: 'how long it may run: 500ms, 30s' })
      .option('json', { type: 'boolean', default: false, describe: 'print the result as JSON' })
      .example('$0 run examples/primes.ts#countPrimes 200000', 'the function must stand alone')
      .example(
        `$0 run text.js#count '"some text"'`,
        'a string is quoted twice: for the shell, and as JSON',
      ) as unknown as Argv<Arguments>,
  handler: async (given: ArgumentsCamelCase<Arguments>) => {
    const { target, args, address, tlsCa, timeout, json, _: words } = given;
    // What follows `--` (negative numbers, say) comes as further words after the command's name.
    const values = [...args, ...words.slice(1).map(String)].map(parseArgument);
    const fn = await loadExport(target);
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    const limited =
      timeout === undefined ? pool : pool.with({ timeoutMs: parseDurationMs(timeout, '--timeout') });
    const result = await limited.run(fn, ...values);
    console.log(json ? JSON.stringify(result ?? null) : result);
  },
};
