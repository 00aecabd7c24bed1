import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { connect, type Pool } from 'offhand';
import { Command, MAIN } from '../support/cli.js';
import type { Lease } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { poolError } from '../client/support.js';

let sandbox: Sandbox;
let server: TestServer;
let pool: Pool;

beforeAll(async () => {
  sandbox = new Sandbox();
  server = await startServer(sandbox, ['1', '--no-profile', '--tag', 'gpu', '--tag', 'mem=16g']);
  pool = await connect(server.address, { token: server.token });
});
afterAll(async () => {
  await pool.close();
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

const double = (n: number) => 2 * n;

describe('a pool whose workers have tags', () => {
  test('runs what asks for them, and what asks for nothing', async () => {
    const fitted = pool.with({ requires: ['gpu', 'mem=8g'] });
    expect(await Promise.all([fitted.run(double, 1), pool.run(double, 2), fitted.run(double, 3)])).toEqual([
      2, 4, 6,
    ]);
    const results: number[] = [];
    for await (const result of fitted.map(double, [1, 2, 3])) results.push(result);
    expect(results).toEqual([2, 4, 6]);
  });

  test('refuses what none of them has, each time, and no other call with it', async () => {
    const asking = pool.with({ requires: ['gpu', 'mem=32g'] });
    for (let time = 0; time < 2; time++) {
      const [error, result] = await Promise.all([poolError(asking.run(double, 1)), pool.run(double, 2)]);
      expect(error).toMatchObject({ code: 'no-worker-fits', mayHaveRun: false });
      expect(error.message).toMatch('no worker of this pool has gpu, mem=32g');
      expect(result).toBe(4);
    }
  });

  test('lets it wait where that was asked for, and warns', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const waiting = pool.with({ requires: ['fpga'], whenNoneFits: 'wait', queueTimeoutMs: 1_000 });
    expect(await poolError(waiting.run(double, 1))).toMatchObject({ mayHaveRun: false });
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('no worker of the pool has fpga'), { code: 'OFFHAND_NO_WORKER_FITS' }],
    ]);
    warn.mockRestore();
  });

  test('tells callers of FindFreeWorker the same', async () => {
    using caller = server.caller();
    const lease = await caller.unary<Lease>('FindFreeWorker', { requires: ['mem=1g'] });
    expect(lease.worker).toBe('worker-1');
    await caller.freeWorker(lease);
    await expect(caller.unary('FindFreeWorker', { requires: ['fpga'] })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('no worker of this pool has fpga'),
    });
    await expect(caller.unary('FindFreeWorker', { requires: ['a b'] })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    await expect(
      caller.unary('FindFreeWorker', { requires: ['fpga'], wait_for_fit: true }, { deadlineMs: 300 }),
    ).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('refuses tags that are none, in words', async () => {
    expect(() => pool.with({ requires: ['a b'] })).toThrow('requires: expected a tag such as gpu or mem=16g');
    expect(() => pool.with({ requires: 'gpu' as never })).toThrow(
      'requires: expected an array of tags, got "gpu"',
    );
    expect(() => pool.with({ whenNoneFits: 'maybe' as never })).toThrow(
      "whenNoneFits: expected 'refuse' or 'wait'",
    );
    const command = new Command(process.execPath, [MAIN, 'server', '1', '--tag', 'a b'], sandbox);
    expect((await command.ended).code).toBe(1);
    expect(command.stderr).toMatch(/^offhand: --tag: expected a tag such as gpu or mem=16g/);
  });
});
