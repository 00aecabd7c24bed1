import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

const PYTHON = '/usr/bin/python3';
const CLIENT = join(ROOT, 'examples', 'python', 'client.py');

const hasPackages = spawnSync(PYTHON, ['-c', 'import grpc, grpc_tools']).status === 0;
// CI installs them, so there their absence is a failure and not a reason to skip.
const testWithPackages = hasPackages || process.env['CI'] === 'true' ? test : test.skip;

testWithPackages(
  'a program in Python runs code on the pool by proto/ alone',
  async () => {
    await using sandbox = new Sandbox();
    expect({ hasPackages }).toEqual({ hasPackages: true });
    const server = await startServer(sandbox, ['1', '--no-profile']);
    const byArgument = await run(sandbox, PYTHON, [CLIENT, server.address]);
    expect(byArgument).toEqual({
      code: 0,
      signal: null,
      stdout:
        'worker-1 says: 9 words, the longest is javascript\nan error arrives in words: RangeError: too far\n',
      stderr: '',
    });
    const byEnvironment = await run(sandbox, PYTHON, [CLIENT], {
      OFFHAND_ADDRESS: server.address,
      OFFHAND_TOKEN: 'wrong',
    });
    expect(byEnvironment).toMatchObject({ code: 1, stdout: '' });
    expect(byEnvironment.stderr).toMatch(/^client\.py: UNAUTHENTICATED: .*token.*\n$/);
    expect((await server.status()).workers[0]).toMatchObject({ busy: false, completed: 1, failed: 1 });
    expect(await server.stop()).toMatchObject({ code: 0 });
  },
  30_000,
);
