import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

const VERSIONS = ['20', '22', '24'];
const CLIENT = join(ROOT, 'test/fixtures/client/everything.mjs');

/** The program of a version, fetched where it is not here; undefined where it cannot be. */
function programOf(version: string): string | undefined {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath;
  const args = ['--yes', '--package', `node@${version}`, '--', 'node', '-p', 'process.execPath'];
  const { status, stdout } = spawnSync('npx', args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n').at(-1) : undefined;
}

const programs = VERSIONS.map((version) => programOf(version));
const areThere = programs.every((program) => program !== undefined);
// CI can fetch them, so there their absence is a failure and not a reason to skip.
const testWithAll = areThere || process.env['CI'] === 'true' ? test : test.skip;

testWithAll.each(VERSIONS)(
  'a server and worker of Node %s give clients of every version what they sent, and what came of it',
  async (version) => {
    await using sandbox = new Sandbox();
    expect(programs).not.toContain(undefined);
    const server = await startServer(sandbox, ['1', '--no-profile'], {}, programs[VERSIONS.indexOf(version)]);
    for (const program of programs) {
      const client = await run(sandbox, program ?? '', [CLIENT, server.address]);
      expect(client).toEqual({
        code: 0,
        signal: null,
        stdout: expect.stringMatching(new RegExp(`^v${version}\\.`)),
        stderr: '',
      });
    }
    expect(await server.stop()).toMatchObject({ code: 0 });
  },
  60_000,
);
