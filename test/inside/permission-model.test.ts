import { writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

/** Reads a file that its process may not read; then does so in a thread of a slot's kind, and that in one of a task's own. */
const PROGRAM = `
  import { readFileSync } from 'node:fs';
  import { isMainThread, Worker, workerData } from 'node:worker_threads';
  const depth = isMainThread ? 0 : workerData;
  let outcome = 'read';
  try {
    readFileSync('/etc/hosts');
  } catch (error) {
    outcome = error.code;
  }
  console.log(depth + ' ' + outcome);
  const free = depth === 1 ? { execArgv: [] } : {};
  if (depth < 2) new Worker(new URL(import.meta.url), { workerData: depth + 1, ...free });
`;

const FLAG = Number(process.versions.node.split('.')[0]) < 23 ? '--experimental-permission' : '--permission';

test('Node gives a thread that a task starts the permissions that its process does not have (docs/security.md)', async () => {
  await using sandbox = new Sandbox();
  writeFileSync(sandbox.path('program.mjs'), PROGRAM);
  const flags = [FLAG, '--allow-worker', `--allow-fs-read=${sandbox.cwd}/`, '--no-warnings'];
  const { stdout } = await run(sandbox, process.execPath, [...flags, sandbox.path('program.mjs')]);
  expect(stdout.trim().split('\n').sort()).toEqual(['0 ERR_ACCESS_DENIED', '1 ERR_ACCESS_DENIED', '2 read']);
});
