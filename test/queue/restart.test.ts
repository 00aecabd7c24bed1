import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connect, type Pool } from 'offhand';
import { poolError } from '../client/support.js';
import { offhand, ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});
afterEach(() => sandbox[Symbol.asyncDispose]());

const start = (...more: string[]) =>
  startServer(sandbox, ['1', '--no-profile', '--store', 'file:queue', ...more]);
const dial = (server: TestServer): Promise<Pool> => connect(server.address, { token: server.token });
const add = (a: number, b: number) => a + b;
/** Says where it is, then waits until it is told to go on. */
const waitForFile = async (at: string, go: string) => {
  const fs = await import('node:fs');
  fs.appendFileSync(at, 'begun\n');
  while (!fs.existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 10));
  return fs.readFileSync(at, 'utf8').split('\n').length - 1;
};
const begun = (file: string) => waitFor('the task to begin', () => existsSync(sandbox.path(file)));

describe('with --store file: what was submitted', () => {
  test('waits, and what came of it is there, when the server was stopped and is started again', async () => {
    const first = await start();
    const one = await dial(first);
    const done = await one.submit(add, [1, 2]);
    expect(await done.result()).toBe(3);
    const later = await one.submit(add, [done, 10], { delayMs: 3_600_000, key: 'nightly' });
    await one.close();
    await first.stop();
    expect(first.stdout).not.toContain('are gone');

    await using pool = await dial(await start());
    expect(await pool.task(done.id).result()).toBe(3);
    expect(await pool.task(later.id).details()).toMatchObject({ state: 'pending', key: 'nightly' });
    expect((await pool.submit(add, [0, 0], { key: 'nightly' })).id).toBe(later.id);
    await pool.task(later.id).cancel();
  }, 40_000);

  test('runs again after kill -9, unless it must not run twice', async () => {
    const first = await start('--slots', '2', '--coordinator-timeout', '1s');
    const one = await dial(first);
    const files = ['again', 'again.go', 'once', 'once.go'].map((name) => sandbox.path(name)) as [
      string,
      string,
      string,
      string,
    ];
    const again = await one.submit(waitForFile, [files[0], files[1]]);
    const once = await one.submit(waitForFile, [files[2], files[3]], { retries: 0 });
    await begun('again');
    await begun('once');
    await one.close();
    first.kill();
    await first.ended;
    writeFileSync(files[1], '');

    await using pool = await dial(await start());
    expect(await poolError(pool.task(once.id).result())).toMatchObject({
      code: 'worker-lost',
      mayHaveRun: true,
    });
    expect(await pool.task(again.id).result()).toBe(2);
    expect((await pool.task(again.id).details()).attempt).toBe(2);
  }, 60_000);

  test('may have run, says whoever has given up waiting for its coordinator', async () => {
    const first = await start('--coordinator-timeout', '1s');
    await using pool = await connect(first.address, { token: first.token, reconnectTimeoutMs: 300 });
    const task = await pool.submit(waitForFile, [sandbox.path('at'), sandbox.path('go')]);
    await begun('at');
    const outcome = poolError(task.result());
    first.kill();
    await first.ended;
    const gone = { code: 'unavailable', mayHaveRun: true };
    expect(await outcome).toMatchObject(gone);
    expect(await poolError(pool.submit(add, [1, 2]))).toMatchObject(gone);
  }, 40_000);

  test('is in the hands of one server at a time', async () => {
    await start();
    const { code, stderr } = await offhand(sandbox, [
      ...['server', '1', '--no-profile', '--store', 'file:queue', '--worker-ports', '20000-20100'],
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^offhand: the store .*queue is in use by another coordinator \(pid \d+\); stop that one/m,
    );
  }, 40_000);

  test('a store that is none is refused in one sentence', async () => {
    const flags = ['server', '1', '--no-profile', '--worker-ports', '20000-20100', '--store'];
    expect((await offhand(sandbox, [...flags, 'redis'])).stderr).toBe(
      'offhand: --store: expected memory, file:DIR or nats://HOST:PORT,…, got redis\n',
    );
    writeFileSync(sandbox.path('file'), '');
    expect((await offhand(sandbox, [...flags, 'file:file'])).stderr).toMatch(
      /^offhand: the store \S+file: there is a file in its place; give a folder\n$/,
    );
  });
});

test('a server that is killed at random moments loses nothing that it has acknowledged', async () => {
  const command = `cd ${ROOT} && exec node scripts/run-ts.mjs chaos/crash.ts --kills 5`;
  const { code, stdout, stderr } = await run(sandbox, 'sh', ['-c', command]);
  expect(`${stdout}${stderr}`).toMatch(
    /crash: passed, seed 1: 5 kills, \d+ tasks acknowledged.* 0 lost, 0 settled twice\n$/,
  );
  expect(code).toBe(0);
}, 180_000);
