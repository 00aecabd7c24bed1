import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { offhand, ROOT, run } from '../support/cli.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';

const UNIT = readFileSync(join(ROOT, 'deploy/offhand.service'), 'utf8');
const ENVIRONMENT = readFileSync(join(ROOT, 'deploy/offhand.env'), 'utf8');
const INSTALLED = '/usr/local/bin/offhand';

const systemdTest = testWith('systemd-analyze');

/** The unit with a program that is there: whether one can be run is checked too. */
function unitIn(sandbox: Sandbox): string {
  const path = sandbox.path('offhand.service');
  writeFileSync(path, UNIT.replace(`ExecStart=${INSTALLED} `, `ExecStart=${process.execPath} `));
  return path;
}

systemdTest('systemd finds nothing wrong with the unit', async () => {
  await using sandbox = new Sandbox();
  expect(UNIT).toContain(`ExecStart=${INSTALLED} server\n`);
  expect(await run(sandbox, 'systemd-analyze', ['verify', unitIn(sandbox)])).toEqual({
    code: 0,
    signal: null,
    stdout: '',
    stderr: '',
  });
});

systemdTest('what the service may do is little, in the words of systemd', async () => {
  await using sandbox = new Sandbox();
  const judged = await run(sandbox, 'systemd-analyze', [
    ...['security', '--offline=true', '--no-pager', '--threshold=25', unitIn(sandbox)],
  ]);
  expect(judged).toMatchObject({ code: 0, stderr: '' });
  expect(judged.stdout).toMatch(/Overall exposure level .* OK/);
});

test('what its environment file may set are flags of offhand server', async () => {
  await using sandbox = new Sandbox();
  const { stdout: help } = await offhand(sandbox, ['server', '--help']);
  const named = [...ENVIRONMENT.matchAll(/^#?OFFHAND_(\w+)=/gm)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(5);
  const flags = named
    .filter((name) => name !== 'TOKEN')
    .map((name) => `--${name.toLowerCase().replaceAll('_', '-')}`);
  expect(flags.filter((flag) => !help.includes(`${flag} `))).toEqual([]);
});
