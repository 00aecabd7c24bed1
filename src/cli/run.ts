import { parseLimitMs } from '../core/duration.js';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import { type CallArguments, callFrom, callPositionals } from './flags/function-call.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';
import { encodeJson } from '../wire/values/json.js';
import { tellThrown } from './thrown.js';

interface Arguments extends PoolArguments, CallArguments {
  timeout: string | undefined;
  json: boolean;
}

export const runCommand: CommandModule<object, Arguments> = {
  command: 'run <target> [args..]',
  describe: 'Run one exported function on the pool and print its result',
  builder: (argv: Argv) =>
    callPositionals(argv)
      .options(poolOptions)
      .option('timeout', { type: 'string', describe: 'how long it may run: 500ms, 30s' })
      .option('json', { type: 'boolean', default: false, describe: 'print the result as JSON' })
      .example('$0 run examples/primes.ts#countPrimes 200000', 'the function must stand alone')
      .example(
        `$0 run text.js#count '"some text"'`,
        'a string is quoted twice: for the shell, and as JSON',
      ) as unknown as Argv<Arguments>,
  handler: async (given: ArgumentsCamelCase<Arguments>) => {
    const { address, tlsCa, timeout, json } = given;
    const { fn, values } = await callFrom(given);
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    const limited =
      timeout === undefined ? pool : pool.with({ timeoutMs: parseLimitMs(timeout, '--timeout') });
    const result = await limited.run(fn, ...values).catch(tellThrown);
    console.log(json ? encodeJson(result, 'the result').toString() : result);
  },
};
