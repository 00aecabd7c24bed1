import { parseDurationMs } from '../core/duration.js';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';
import { encodeJson } from '../wire/values/json.js';
import { tellThrown } from './thrown.js';

interface Arguments extends PoolArguments {
  id: string;
  wait: string | undefined;
  json: boolean;
}

export const resultCommand: CommandModule<object, Arguments> = {
  command: 'result <id>',
  describe: 'Wait for a submitted task and print its result',
  builder: (argv: Argv) =>
    argv
      .positional('id', { type: 'string', demandOption: true, describe: 'as `offhand submit` printed it' })
      .options(poolOptions)
      .option('wait', {
        type: 'string',
        describe: 'how long to wait: 500ms, 30s  [default: until it is there]',
      })
      .option('json', { type: 'boolean', default: false, describe: 'print the result as JSON' })
      .example('$0 result mws3yds4b9cb501d9ec6fca0', 'as often as one likes') as unknown as Argv<Arguments>,
  handler: async ({ id, wait, json, address, tlsCa }: ArgumentsCamelCase<Arguments>) => {
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    const task = pool.task(id);
    const signal = wait === undefined ? undefined : AbortSignal.timeout(parseDurationMs(wait, '--wait'));
    const result = await task.result(signal ? { signal } : {}).catch(async (error: unknown) => {
      if (!signal?.aborted) tellThrown(error);
      throw new Error(`task ${id} is ${await task.state()} after ${wait}`);
    });
    console.log(json ? encodeJson(result, 'the result').toString() : result);
  },
};
