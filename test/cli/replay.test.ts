import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { offhand } from '../support/cli.js';
import type { Lease } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

test('what a server has written down is decided in the same way again', async () => {
  await using sandbox = new Sandbox();
  const file = sandbox.path('events.jsonl');
  const server = await startServer(sandbox, [
    '2',
    '--no-profile',
    '--policy',
    'least-remaining',
    '--event-log',
    file,
  ]);
  const pool = await connect(server.address, { token: server.token });
  const calls = Array.from({ length: 50 }, (_, n) =>
    pool.with({ priority: n % 3 }).run((m: number) => 2 * m, n),
  );
  using caller = server.caller();
  const lease = await caller.unary<Lease & { reason: string }>('FindFreeWorker', { expected_ms: 50 });
  expect(lease.reason).toMatch(/^least-remaining: .*work left: .* \d+ ms/);
  await caller.freeWorker(lease);
  await Promise.all(calls);
  await pool.close();
  await server.stop();

  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await offhand(sandbox, ['replay', file]);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toMatch(/^\d+ events, \d+ grants: the same decisions\.\n$/);
  expect(readFileSync(file, 'utf8')).toContain('"reasons":[{"policy":"least-remaining"');

  appendFileSync(file, '{"at":1,"ev');
  expect((await offhand(sandbox, ['replay', file])).stdout).toMatch('The last line is cut off');

  const lines = readFileSync(file, 'utf8').split('\n');
  const index = lines.findIndex((line) => line.includes('grant-lease'));
  writeFileSync(
    file,
    lines.map((line, at) => (at === index ? line.replace(/"ttlMs":\d+/, '"ttlMs":7') : line)).join('\n'),
  );
  const differs = await offhand(sandbox, ['replay', file]);
  expect(differs.code).toBe(1);
  expect(differs.stdout).toMatch(`another decision at line ${index + 1}.`);

  writeFileSync(file, `${lines[0]}\nnonsense\n${lines[1]}\n`);
  expect((await offhand(sandbox, ['replay', file])).stderr).toMatch(
    'line 2: expected an event of the scheduler',
  );
  writeFileSync(file, 'nonsense\n');
  expect((await offhand(sandbox, ['replay', file])).stderr).toMatch(
    'expected what `offhand server --event-log` wrote',
  );
  expect((await offhand(sandbox, ['replay', sandbox.path('none')])).stderr).toMatch(/cannot be read/);
});
