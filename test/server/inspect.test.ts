import { expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { startScript } from '../client/support.js';
import { pidOf } from '../support/members.js';
import { killNow, Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

/** Where a debugger can attach, by worker, in the order in which they came. */
function inspectors({ stdout }: TestServer): [worker: string, address: string][] {
  const lines = stdout.matchAll(/^(\S+): a debugger can attach at (ws:\/\/127\.0\.0\.1:\d+\/\S+)$/gm);
  return [...lines].map(([, worker = '', address = '']) => [worker, address]);
}

test('with --inspect a debugger attaches to a worker, and looks into a call that stops at its breakpoint', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--inspect', '--no-profile']);
  const [[worker, address] = ['', '']] = inspectors(server);
  expect(worker).toBe('worker-1');
  const attached = startScript('debugger.mjs', {
    args: [address],
    node: ['--experimental-websocket'],
    env: { OFFHAND_ADDRESS: server.address, OFFHAND_TOKEN: server.token },
  });
  const { out, err } = await attached.ended;
  expect(JSON.parse(out || err)).toEqual({ functionName: 'priced', seen: 17, came: 42 });
}, 60_000);

test('with --inspect every worker says where, one that replaces another too', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['2', '--inspect', '--no-profile']);
  expect(new Set(inspectors(server).map(([worker]) => worker))).toEqual(new Set(['worker-1', 'worker-2']));
  killNow(await pidOf(server, 'worker-2'));
  await waitFor('the next one to say so', () => inspectors(server).length === 3);
  expect(inspectors(server)[2]?.[0]).toBe('worker-2');
  expect(server.output).not.toContain('Debugger listening');
}, 60_000);

test('without it no worker is started for that', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile']);
  expect(inspectors(server)).toEqual([]);
  await using pool = await connect(server.address, { token: server.token });
  expect(await pool.run(() => process.execArgv.join(' '))).not.toContain('inspect');
}, 60_000);
