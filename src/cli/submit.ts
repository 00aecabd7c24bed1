import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import { parseDurationMs, parseLimitMs } from '../core/duration.js';
import { PoolError } from '../core/errors.js';
import { checkPriority, MAX_DELAY_MS, MAX_PRIORITY, MAX_RETRIES } from '../core/wishes.js';
import { type CallArguments, callFrom, callPositionals } from './flags/function-call.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';
import { wholeNumber } from './flags/whole-number.js';

interface Arguments extends PoolArguments, CallArguments {
  timeout: string | undefined;
  delay: string | undefined;
  priority: string | undefined;
  key: string | undefined;
  group: string | undefined;
  after: string[] | undefined;
  retries: string | undefined;
  require: string[] | undefined;
  json: boolean;
}

export const submitCommand: CommandModule<object, Arguments> = {
  command: 'submit <target> [args..]',
  describe: 'Submit a task to the queue of the pool and print its id',
  builder: (argv: Argv) =>
    callPositionals(argv)
      .options(poolOptions)
      .option('timeout', { type: 'string', describe: 'how long it may run: 500ms, 30s' })
      .option('delay', { type: 'string', describe: 'how long it waits before it may begin' })
      .option('priority', { type: 'string', describe: `-${MAX_PRIORITY} to ${MAX_PRIORITY}, higher first` })
      .option('retries', { type: 'string', describe: 'further attempts when one fails' })
      .option('key', { type: 'string', describe: 'idempotency key: the same key gives the same task' })
      .option('group', { type: 'string', describe: 'NAME:LIMIT, at most LIMIT of a group run at a time' })
      .option('require', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'tags that its worker has to have: gpu,mem=16g; may be given again',
      })
      .option('after', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'ids of tasks that it comes after, with commas between; may be given again',
      })
      .option('json', { type: 'boolean', default: false, describe: 'print {"id": …}' })
      .example('$0 submit examples/primes.ts#countPrimes 200000', 'prints the id; see `offhand result ID`')
      .example(
        '$0 submit report.ts#build --delay 1h --key nightly',
        'once, in an hour',
      ) as unknown as Argv<Arguments>,
  handler: async (given: ArgumentsCamelCase<Arguments>) => {
    const { address, tlsCa, json, key, after } = given;
    const { fn, values } = await callFrom(given);
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    const { timeout, delay, priority, retries, group, require } = given;
    const task = await pool.submit(fn, values, {
      ...(timeout !== undefined && { timeoutMs: parseLimitMs(timeout, '--timeout') }),
      ...(delay !== undefined && { delayMs: parseDurationMs(delay, '--delay', MAX_DELAY_MS) }),
      ...(priority !== undefined && { priority: priorityFrom(priority) }),
      ...(retries !== undefined && { retries: wholeNumber('--retries', retries, 0, MAX_RETRIES) }),
      ...(require !== undefined && { requires: listOf(require) }),
      ...(key !== undefined && { key }),
      ...(group !== undefined && { group: groupFrom(group) }),
      ...(after !== undefined && { after: listOf(after).map((id) => pool.task(id)) }),
    });
    console.log(json ? JSON.stringify({ id: task.id }) : task.id);
  },
};

/** What stands between commas, of a flag that may be given again. */
function listOf(given: readonly string[]): string[] {
  return given.flatMap((each) => each.split(','));
}

function priorityFrom(text: string): number {
  checkPriority(/^-?\d+$/.test(text) ? Number(text) : text, '--priority');
  return Number(text);
}

function groupFrom(text: string): { name: string; limit: number } {
  const [, name, limit] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (name !== undefined && Number(limit) >= 1) return { name, limit: Number(limit) };
  throw new PoolError('invalid-argument', `--group: expected NAME:LIMIT such as mails:2, got ${text}`);
}
