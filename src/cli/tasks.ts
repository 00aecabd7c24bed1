import Table from 'cli-table3';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import type { TaskDetails } from '../client/submitted/task-details.js';
import { TASK_STATES, type TaskState } from '../core/queue/task.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';
import { wholeNumber } from './flags/whole-number.js';

interface Arguments extends PoolArguments {
  state: TaskState[] | undefined;
  dead: boolean;
  name: string | undefined;
  group: string | undefined;
  limit: string;
  json: boolean;
}

export const tasksCommand: CommandModule<object, Arguments> = {
  command: 'tasks',
  describe: 'List submitted tasks, newest first',
  builder: (argv: Argv) =>
    argv
      .options(poolOptions)
      .option('state', { choices: TASK_STATES, array: true, describe: 'only those in this state' })
      .option('dead', { type: 'boolean', default: false, describe: 'only those that failed, and why' })
      .option('name', { type: 'string', describe: 'only those of this name' })
      .option('group', { type: 'string', describe: 'only those of this group' })
      .option('limit', { type: 'string', default: '50', describe: 'how many at most' })
      .option('json', { type: 'boolean', default: false, describe: 'print one JSON document per line' })
      .example('$0 tasks --state pending', 'what waits')
      .example(
        '$0 tasks --dead',
        'what failed; `offhand retry ID` tries again',
      ) as unknown as Argv<Arguments>,
  handler: async (given: ArgumentsCamelCase<Arguments>) => {
    const { address, tlsCa, state, dead, name, group, json } = given;
    const limit = wholeNumber('--limit', given.limit, 1, 1_000_000);
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    const tasks: TaskDetails[] = [];
    let left = limit;
    const states = dead ? (['failed'] as const) : state;
    const filter = {
      ...(states && { state: states }),
      ...(name !== undefined && { name }),
      ...(group !== undefined && { group }),
    };
    for await (const task of pool.tasks(filter)) {
      if (json) console.log(JSON.stringify(task));
      else tasks.push(task);
      if (--left === 0) break;
    }
    if (!json) console.log(tasksTable(tasks));
  },
};

function tasksTable(tasks: readonly TaskDetails[]): string {
  if (tasks.length === 0) return 'no tasks';
  const table = new Table({
    head: ['id', 'name', 'state', 'submitted', 'attempt', 'arguments', 'why'],
    style: { head: [], border: [] },
  });
  for (const { id, name, state, submittedAt, attempt, preview, failure, isDropped } of tasks) {
    const why = failure ? `${failure.code}: ${failure.message}` : isDropped ? 'result dropped' : '';
    table.push([id, cut(name, 24), state, ago(submittedAt), String(attempt), cut(preview, 24), cut(why, 60)]);
  }
  return table.toString();
}

function ago(at: Date): string {
  const seconds = Math.max(0, (Date.now() - at.getTime()) / 1_000);
  if (seconds < 120) return `${seconds.toFixed(0)} s ago`;
  return seconds < 7_200 ? `${(seconds / 60).toFixed(0)} min ago` : `${(seconds / 3_600).toFixed(0)} h ago`;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
