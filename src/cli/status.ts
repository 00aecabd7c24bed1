import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { PoolError } from '../core/errors.js';
import { formatAddress } from '../wire/address.js';
import type { PoolStatus, WorkerStatus } from '../wire/status-document.js';
import { type PoolArguments, poolOptions, withCoordinator } from './flags/pool-address.js';
import { clusterTable } from './status-cluster.js';
import { tableLines } from './table.js';
import {
  JsonStatus,
  LiveStatus,
  PlainStatus,
  runningTasks,
  stateOf,
  statusLine,
  watchStatus,
} from './status-watch.js';

interface Arguments extends PoolArguments {
  json: boolean;
  watch: boolean;
  cluster: boolean;
}

export const statusCommand: CommandModule<object, Arguments> = {
  command: 'status',
  describe: 'Show the workers and the queue',
  builder: (argv: Argv) =>
    argv
      .options(poolOptions)
      .option('json', { type: 'boolean', default: false, describe: 'print the status document' })
      .option('watch', {
        type: 'boolean',
        default: false,
        describe: 'look each second, until Ctrl-C; a line each time where stdout is no terminal',
      })
      .option('cluster', {
        type: 'boolean',
        default: false,
        describe: 'all coordinators that share its store, one a row, see docs/cluster.md',
      })
      .example('$0 status', 'the pool on this machine')
      .example('$0 status --watch', 'with CPU, memory and tasks a second')
      .example('$0 status --cluster', 'all machines of a NATS cluster')
      .example('$0 status --json --address localhost:4999', 'for programs') as unknown as Argv<Arguments>,
  handler: async ({ json, watch, cluster, ...pool }: ArgumentsCamelCase<Arguments>) => {
    if (cluster && watch)
      throw new PoolError('invalid-argument', '--cluster shows all machines once; leave out --watch');
    await withCoordinator(pool, async (coordinator) => {
      if (cluster) {
        const found = await coordinator.cluster();
        return console.log(json ? JSON.stringify(found, null, 2) : clusterTable(found));
      }
      const look = () => coordinator.status();
      if (watch) return watchStatus(look, viewFor(json), untilToldToEnd());
      const status = await look();
      console.log(json ? JSON.stringify(status, null, 2) : statusTable(status));
    });
  },
};

function viewFor(json: boolean) {
  const print = (line: string) => console.log(line);
  if (json) return new JsonStatus(print, (line) => console.error(line));
  return process.stdout.isTTY ? new LiveStatus(process.stdout) : new PlainStatus(print);
}

/** Aborted by Ctrl-C, and when whoever read what is printed has gone. */
function untilToldToEnd(): AbortSignal {
  const ending = new AbortController();
  const end = () => ending.abort();
  // Not `once`: what shows the cursor again at an exit takes a signal that nobody listens to any more for the end.
  process.on('SIGINT', end).on('SIGTERM', end);
  process.stdout.on('error', end);
  return ending.signal;
}

export function statusTable(status: PoolStatus): string {
  const lines = tableLines(
    ['worker', 'address', 'pid', 'state', 'completed', 'failed', 'task'],
    status.workers.map(row),
    { numbers: ['pid', 'completed', 'failed'] },
  );
  const { http_address: http } = status;
  return [...lines, statusLine(status), ...(http === null ? [] : [`HTTP at ${http}`])].join('\n');
}

function row(worker: WorkerStatus): string[] {
  const { host, port, pid, completed, failed } = worker;
  return [
    worker.worker,
    formatAddress({ host, port }),
    String(pid),
    stateOf(worker),
    String(completed),
    String(failed),
    runningTasks(worker),
  ];
}
