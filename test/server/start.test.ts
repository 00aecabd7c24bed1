import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { offhand } from '../support/cli.js';
import { codeRequest, resultOf, runCode } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer, TestServer } from '../support/server.js';

/** Somebody else on a port of this machine. */
async function occupy(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}

async function add(server: TestServer): Promise<unknown> {
  using caller = server.caller();
  const lease = await caller.findFreeWorker();
  const sum = resultOf(await runCode(server.token, lease, codeRequest(lease, '(a, b) => a + b', [2, 3])));
  await caller.freeWorker(lease);
  return sum;
}

describe('offhand server', () => {
  test('prints where it listens, its workers, its profile and how to connect', async () => {
    await using sandbox = new Sandbox();
    const server = await startServer(sandbox, ['2']);
    expect(server.stdout).toMatch(/2 workers ready/);
    expect(server.stdout).toContain(`connect('${server.address}')`);
    expect(server.stdout).toContain('Ctrl-C');
    expect(server.stdout).not.toContain(server.token);
    expect(server.profile).toBe(sandbox.path('profiling', 'results_2.csv'));
    expect(server.stderr).toBe('');
    const { workers } = await server.status();
    expect(new Map(workers.map(({ worker, port }) => [worker, port]))).toEqual(server.workerPorts);
    expect(await add(server)).toBe(5);

    const refused = await offhand(sandbox, ['server', '1', '--port', String(server.port)]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^offhand: port \d+ is taken; .*--port\n$/);

    // A second pool beside it: the results file is taken, so it takes the next name.
    const second = await startServer(sandbox, ['2']);
    expect(second.profile).toBe(sandbox.path('profiling', 'results_2-2.csv'));
    expect(await second.stop()).toMatchObject({ code: 0 });
    expect(await server.stop()).toMatchObject({ code: 0 });
  }, 30_000);

  test('comes up four times at the same instant, on different ports, never on those of the workers', async () => {
    await using sandbox = new Sandbox();
    // The workers' range begins where coordinators look first, so that all of them have to go past it.
    const range = ['--worker-ports', '4999-5060'];
    const servers = Array.from({ length: 4 }, () => new TestServer(sandbox, ['1', ...range]));
    await Promise.all(servers.map((server) => server.whenReady()));
    const coordinators = servers.map((server) => server.port);
    const workers = servers.flatMap((server) => [...server.workerPorts.values()]);
    expect(new Set([...coordinators, ...workers]).size).toBe(8);
    expect(Math.min(...coordinators)).toBeGreaterThan(5_060);
    expect(Math.max(...workers)).toBeLessThanOrEqual(5_060);
    expect(new Set(servers.map((server) => server.profile)).size).toBe(4);
    expect(new Set(servers.map((server) => server.token)).size).toBe(1);
    expect(await Promise.all(servers.map(add))).toEqual([5, 5, 5, 5]);
    const ended = await Promise.all(servers.map((server) => server.stop()));
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    await sandbox.whenEmpty(1_000);
  }, 45_000);

  test('says in one sentence that the range of worker ports is used up, and leaves nothing behind', async () => {
    await using sandbox = new Sandbox();
    const { server: other, port } = await occupy();
    const { port: own } = randomPorts();
    const server = new TestServer(sandbox, ['1', '--port', own, '--worker-ports', String(port)]);
    expect(await server.ended).toEqual({ code: 1, signal: null });
    expect(server.stdout).toBe('');
    expect(server.stderr).toMatch(/^offhand: no port from \d+ to \d+ is free.*--worker-ports\n$/);
    await sandbox.whenEmpty(5_000);
    other.close();
  });

  test('does without default folders that cannot be written, and says so once', async () => {
    await using sandbox = new Sandbox();
    for (const name of ['profiling', 'logs']) writeFileSync(sandbox.path(name), 'a file in the way');
    const server = await startServer(sandbox, ['1']);
    const warnings = server.stderr.trimEnd().split('\n');
    expect(warnings).toHaveLength(2);
    expect(server.stderr).toMatch(/^offhand: .*profiling.*--profile/m);
    expect(server.stderr).toMatch(/^offhand: .*logs.*--log-dir/m);
    expect(server.stdout).not.toContain('profile ');
    expect(await add(server)).toBe(5);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  test('refuses folders that were named and cannot be written', async () => {
    await using sandbox = new Sandbox();
    writeFileSync(sandbox.path('file'), '');
    const { port } = randomPorts();
    const refusals = [
      ['--log-dir', 'file'],
      ['--log-dir', join('file', 'below')],
      ['--profile', join('file', 'profile.csv')],
      ['--profile', join('file', 'below', 'profile.csv')],
    ].map(async (flags) => {
      const ended = await offhand(sandbox, ['server', '1', '--port', port, ...flags]);
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toMatch(/^offhand: .*file.* cannot be written.*\n$/);
    });
    await Promise.all(refusals);
    expect(sandbox.processes()).toEqual([]);
  });
});
