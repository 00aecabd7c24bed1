import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { offhand } from '../support/cli.js';
import { pidOf } from '../support/members.js';
import { killNow, Sandbox } from '../support/sandbox.js';
import { randomPorts, TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

interface Line {
  level: number;
  msg: string;
  [fact: string]: unknown;
}

const DEBUG = 20;
const double = (n: number) => 2 * n;
/** Takes long enough to be told of by itself; those that are shorter may be counted only. */
const fail = () => {
  const until = performance.now() + 5;
  while (performance.now() < until);
  throw new Error('no');
};

/** One pool that lives through everything its logs tell of, and what they then say. */
describe.each(['info', 'debug'])('at --log-level %s', (level) => {
  const sandbox = new Sandbox();
  const taken = createServer();
  const { port, workerPorts } = randomPorts();
  const first = Number(workerPorts.split('-')[0]);
  let coordinator: Line[];
  let worker: Line[];
  let pids: number[];

  const linesOf = (name: string): Line[] =>
    readFileSync(sandbox.path('logs', `${name}.log`), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  const said = (lines: Line[], msg: string) => lines.filter((line) => line.msg === msg);
  const failures = (lines: Line[]) => said(lines, 'attempt failed').filter((line) => line['name'] === 'fail');
  const whenSaid = (msg: string) =>
    waitFor(`the log to say: ${msg}`, () => said(linesOf('coordinator'), msg).length > 0);

  beforeAll(async () => {
    await new Promise<void>((resolve) => taken.listen(first, '127.0.0.1', resolve));
    const ports = ['--port', port, '--worker-ports', workerPorts, '--no-http'];
    const server = new TestServer(sandbox, ['2', '--no-profile', '--log-level', level, ...ports]);
    await live(await server.whenReady());
    expect(await server.stop()).toMatchObject({ code: 0 });
    [coordinator, worker] = [linesOf('coordinator'), linesOf('worker-2')];
  }, 60_000);
  afterAll(async () => {
    taken.close();
    await sandbox[Symbol.asyncDispose]();
  });

  async function live(server: TestServer): Promise<void> {
    {
      using caller = server.caller();
      await caller.findFreeWorker(); // And never used.
    }
    await using pool = await connect(server.address, { token: server.token });
    expect(await pool.run(double, 4)).toBe(8);
    await pool
      .with({ retries: 1 })
      .submit(fail, [])
      .then((task) => task.result().catch(() => undefined));
    // A worker tells of its attempts a moment later, and not at all once it is killed.
    if (level === 'debug')
      await waitFor('both attempts to be told', () => failures(linesOf('coordinator')).length === 2);
    const killed = await pidOf(server, 'worker-2');
    killNow(killed);
    await waitFor('another one', async () => {
      const { workers } = await server.status();
      return workers.some(({ worker, pid }) => worker === 'worker-2' && pid !== killed);
    });
    pids = [killed, await pidOf(server, 'worker-2')];
    await whenSaid('lease expired');
    const drained = await offhand(sandbox, ['drain', 'worker-1', '--address', server.address]);
    expect(drained).toMatchObject({ code: 0 });
  }

  test('the coordinator tells of its start and end, of workers that come and go, and of what went wrong', () => {
    const story = [
      [said(coordinator, 'listening'), { host: '127.0.0.1', port: Number(port) }],
      [said(coordinator, 'worker attached'), { worker: 'worker-1' }],
      [said(coordinator, 'retry'), { name: 'fail', attempt: 2, code: 'thrown' }],
      [said(coordinator, 'worker lost'), { worker: 'worker-2', workerPid: pids[0] }],
      [said(coordinator, 'lease expired'), { worker: 'worker-1', slot: 0 }],
      [said(coordinator, 'draining'), { worker: 'worker-1' }],
      [said(coordinator, 'worker left'), { worker: 'worker-1' }],
      [said(coordinator, 'stopping'), {}],
      [said(coordinator, 'stopped'), {}],
    ] as const;
    for (const [lines, facts] of story) expect(lines).toContainEqual(expect.objectContaining(facts));
    expect(said(coordinator, 'retry')).toHaveLength(1);
    expect(said(coordinator, 'worker attached').map((line) => line['workerPid'])).toContain(pids[1]);
  });

  test('a worker tells of the ports that it tried, to whom it belongs, and why it ends', () => {
    const [before, after] = said(worker, 'listening');
    // The other one may have come first to the port after it.
    expect([before?.['taken'], after?.['taken']]).toEqual([
      expect.arrayContaining([first]),
      expect.arrayContaining([first]),
    ]);
    expect(before?.['port']).toBeGreaterThan(first);
    expect(said(worker, 'attached')).toHaveLength(2);
    expect(said(worker, 'attached')[0]).toMatchObject({ coordinator: `127.0.0.1:${port}` });
    expect(said(worker, 'ending')).toEqual([expect.objectContaining({ why: 'drained' })]);
  });

  test('each grant, attempt and outcome is told only at debug', () => {
    const details = coordinator.filter((line) => line.level <= DEBUG);
    if (level === 'info') {
      expect(details).toEqual([]);
      return;
    }
    expect(said(details, 'lease granted').length).toBeGreaterThan(2);
    expect(said(details, 'attempt completed')).toContainEqual(expect.objectContaining({ name: 'double' }));
    expect(failures(details)).toHaveLength(2);
  });
});
