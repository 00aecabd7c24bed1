import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

const FILES = 40;
const RIVALS = 4;

/** Claims one file after the other at agreed instants, and lives until everybody has. */
const RIVAL = `
  import fs from 'node:fs';
  const [module, folder, startAt] = process.argv.slice(1);
  const { claimProfile } = await import(module);
  const paths = [];
  for (let index = 0; index < ${FILES}; index++) {
    while (Date.now() < Number(startAt) + index * 15);
    paths.push(claimProfile(folder + '/results_' + index + '.csv').path);
  }
  console.log(JSON.stringify(paths));
  fs.writeFileSync(folder + '/through-' + process.pid, '');
  const through = () => fs.readdirSync(folder).filter((name) => name.startsWith('through-')).length;
  while (through() < ${RIVALS}) await new Promise((resolve) => setTimeout(resolve, 10));
`;

test('of servers that start at the same instant no two write the same profile, not even after one that was killed', async () => {
  await using sandbox = new Sandbox();
  const marks = `${sandbox.env['XDG_RUNTIME_DIR']}/offhand`;
  mkdirSync(marks, { mode: 0o700 });
  for (let index = 0; index < FILES; index += 2) {
    // What a server that was killed leaves behind; no process has this number.
    const path = sandbox.path(`results_${index}.csv`);
    const name = `profile-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
    writeFileSync(`${marks}/${name}`, '99999999');
  }
  const module = new URL('../../dist/server/profile-claim.js', import.meta.url).href;
  const args = ['--input-type=module', '-e', RIVAL, module, sandbox.cwd, String(Date.now() + 1_000)];
  const rivals = await Promise.all(
    Array.from({ length: RIVALS }, () => run(sandbox, process.execPath, args)),
  );
  const claims = rivals.map(({ stdout, stderr }) => {
    expect(stderr).toBe('');
    return JSON.parse(stdout) as string[];
  });
  const contested = Array.from({ length: FILES }, (_, index) => claims.map((paths) => paths[index]));
  expect(contested.filter((paths) => new Set(paths).size < RIVALS)).toEqual([]);
});
