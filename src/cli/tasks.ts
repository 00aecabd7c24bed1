import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import type { TaskDetails } from '../client/submitted/task-details.js';
import { PoolError } from '../core/errors.js';
import { TASK_STATES, type TaskState } from '../core/queue/task.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';
import { wholeNumber } from './flags/whole-number.js';
import { plain } from './plain.js';
import { cut, tableLines, terminalWidth } from './table.js';

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
    if (dead && state)
      throw new PoolError('invalid-argument', '--dead shows those that failed; leave out --state');
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
      if (left-- === 0) break;
      if (json) console.log(JSON.stringify(task));
      else tasks.push(task);
    }
    if (json) return;
    console.log(tasksTable(tasks));
    if (left < 0) console.log(`these are the newest ${limit}; --limit shows more`);
  },
};

/** How long a line about a failure may be where nobody limits it. */
const MAX_LINE = 200;

function tasksTable(tasks: readonly TaskDetails[]): string {
  if (tasks.length === 0) return 'no tasks';
  const rows = tasks.map(({ id, name, state, submittedAt, attempt, preview }) => [
    id,
    state,
    age(submittedAt),
    String(attempt),
    cut(`${name}(${preview})`, MAX_LINE),
  ]);
  const [head = '', ...lines] = tableLines(['id', 'state', 'age', 'attempt', 'call'], rows, {
    numbers: ['age', 'attempt'],
  });
  return [head, ...lines.flatMap((line, index) => [line, ...noteOn(tasks[index])])].join('\n');
}

/** In a line of its own, as there would be no room beside the rest. */
function noteOn(task: TaskDetails | undefined): string[] {
  const { failure, isDropped } = task ?? {};
  if (!failure && !isDropped) return [];
  const words = failure ? `${failure.code}: ${plain(failure.message)}` : 'its result was dropped';
  return [cut(`    ${words}`, Math.min(MAX_LINE, terminalWidth()))];
}

function age(at: Date): string {
  const seconds = Math.max(0, (Date.now() - at.getTime()) / 1_000);
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7_200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3_600).toFixed(0)} h`;
}
