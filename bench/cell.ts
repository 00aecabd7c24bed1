import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ClientOrder, ClientReport } from './client.js';
import type { ServerProcess } from './server-process.js';

/** One measurement: so many clients on so many workers. */
export interface Cell {
  function: string;
  clients: number;
  workers: number;
  seconds: number;
  completed: number;
  failed: number;
  throughputPerS: number;
}

/** Lets clients call at the same time for `order.seconds`, each in a process of its own, and counts what they got done. */
export async function measure(
  server: ServerProcess,
  clients: number,
  order: ClientOrder,
): Promise<Omit<Cell, 'function' | 'workers'>> {
  const children = Array.from({ length: clients }, () => fork('build/bench/client.mjs', { env: server.env }));
  await Promise.all(
    children.map(async (child) => {
      child.send(order);
      await next(child, 'ready');
    }),
  );
  for (const child of children) child.send('go');
  const reports = await Promise.all(children.map((child) => next(child, 'done')));
  await Promise.all(children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit')));
  const completed = reports.reduce((sum, report) => sum + report.completed, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed, 0);
  const seconds = Math.max(...reports.map((report) => report.seconds));
  return { clients, seconds, completed, failed, throughputPerS: completed / seconds };
}

async function next<T extends ClientReport['type']>(
  child: ChildProcess,
  type: T,
): Promise<Extract<ClientReport, { type: T }>> {
  // Not `exit`: what a child has sent may still be on its way then.
  const ended = once(child, 'disconnect').then(() => {
    throw new Error('a client of the benchmark ended before its time');
  });
  const [report] = (await Promise.race([once(child, 'message'), ended])) as [ClientReport];
  if (report.type !== type) throw new Error(`a client said ${report.type} where ${type} was expected`);
  return report as Extract<ClientReport, { type: T }>;
}
