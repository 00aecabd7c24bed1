import Table from 'cli-table3';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { formatAddress } from '../wire/address.js';
import type { PoolStatus, WorkerStatus } from '../wire/status-document.js';
import { type PoolArguments, poolOptions, withCoordinator } from './pool-address.js';

interface Arguments extends PoolArguments {
  json: boolean;
}

export const statusCommand: CommandModule<object, Arguments> = {
  command: 'status',
  describe: 'Show the workers and the queue',
  builder: (argv: Argv) =>
    argv
      .options(poolOptions)
      .option('json', { type: 'boolean', default: false, describe: 'print the status document' })
      .example('$0 status', 'the pool on this machine')
      .example('$0 status --json --address localhost:4999', 'for programs') as unknown as Argv<Arguments>,
  handler: async ({ json, ...pool }: ArgumentsCamelCase<Arguments>) => {
    const status = await withCoordinator(pool, (coordinator) => coordinator.status());
    console.log(json ? JSON.stringify(status, null, 2) : statusTable(status));
  },
};

export function statusTable({ workers, queue, wanted, http_address: http, code }: PoolStatus): string {
  const table = new Table({
    head: ['worker', 'address', 'pid', 'phase', 'state', 'completed', 'failed', 'task'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'left', 'left', 'right', 'right', 'left'],
  });
  for (const worker of workers) table.push(row(worker));
  const busy = workers.filter((worker) => worker.busy).length;
  const count = workers.length < wanted ? `${workers.length} of ${wanted}` : workers.length;
  const summary = `${count} workers, ${busy} busy, ${queue.pending} calls waiting${code === 'named' ? '; registered functions only' : ''}`;
  return `${table.toString()}\n${summary}${http === null ? '' : `\nHTTP at ${http}`}`;
}

function row({ worker, host, port, pid, phase, busy, completed, failed, tasks }: WorkerStatus): string[] {
  const running = tasks.map((task) => `${task.name} ${(task.running_ms / 1_000).toFixed(1)} s`).join(', ');
  const state = busy ? 'busy' : 'free';
  return [
    worker,
    formatAddress({ host, port }),
    String(pid),
    phase,
    state,
    String(completed),
    String(failed),
    running,
  ];
}
