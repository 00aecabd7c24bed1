import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import type { TaskLogLine } from '../client/submitted/task-events.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';

interface Arguments extends PoolArguments {
  id: string;
  follow: boolean;
  json: boolean;
}

export const logsCommand: CommandModule<object, Arguments> = {
  command: 'logs <id>',
  describe: 'Print what a submitted task has printed',
  builder: (argv: Argv) =>
    argv
      .positional('id', { type: 'string', demandOption: true, describe: 'as `offhand submit` printed it' })
      .options(poolOptions)
      .option('follow', { type: 'boolean', default: false, describe: 'go on until the task has ended' })
      .option('json', { type: 'boolean', default: false, describe: 'print one JSON document per line' })
      .example(
        '$0 logs mws3yds4b9cb501d9ec6fca0 --follow',
        'its output goes to stdout, its errors to stderr',
      ) as unknown as Argv<Arguments>,
  handler: async ({ id, follow, json, address, tlsCa }: ArgumentsCamelCase<Arguments>) => {
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    const task = pool.task(id);
    const printer = new Printer(json);
    if (!follow) for (const line of await task.logs()) printer.print(line);
    else for await (const event of task) if (event.type === 'log') printer.print(event);
  },
};

class Printer {
  readonly #json: boolean;
  #attempt = 0;
  #number = 0;

  constructor(json: boolean) {
    this.#json = json;
  }

  print({ text, stream, at, attempt, number }: TaskLogLine): void {
    if (this.#json) {
      console.log(JSON.stringify({ at, attempt, number, stream, text }));
      return;
    }
    if (attempt !== this.#attempt) this.#number = 0;
    const missing = number - this.#number - 1;
    if (missing > 0) console.error(`(what it printed before is not kept: ${missing} times)`);
    [this.#attempt, this.#number] = [attempt, number];
    process[stream].write(`${text}\n`);
  }
}
