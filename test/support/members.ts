import { writeFileSync } from 'node:fs';
import type { connect } from 'offhand';
import { attemptsIn, hold } from './attempts.js';
import type { Sandbox } from './sandbox.js';
import { TestServer } from './server.js';

export const namesOf = async (server: TestServer) =>
  (await server.status()).workers.map(({ worker }) => worker);
export const pidOf = async (server: TestServer, name: string) =>
  (await server.status()).workers.find(({ worker }) => worker === name)?.pid ?? 0;

/** A pool of two workers on these very ports. */
export function serverAt(sandbox: Sandbox, port: string, workerPorts: string): Promise<TestServer> {
  const where = ['--port', port, '--worker-ports', workerPorts];
  return new TestServer(sandbox, ['2', '--no-profile', ...where]).whenReady();
}

/** Calls that run until there is a file named gate. */
export function holdAll(pool: Awaited<ReturnType<typeof connect>>, sandbox: Sandbox, count: number) {
  const gate = sandbox.path('gate');
  const files = Array.from({ length: count }, (_, index) => sandbox.path(`held-${index}`));
  const begunCount = () => files.filter((file) => attemptsIn(file).length > 0).length;
  return {
    calls: files.map((file) => pool.run(hold, file, gate)),
    begunCount,
    begun: () => begunCount() === count,
    attempts: () => files.map((file) => attemptsIn(file).length),
    open: () => writeFileSync(gate, ''),
  };
}
