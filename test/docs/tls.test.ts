import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { offhand, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

const TEXT = readFileSync(new URL('../../docs/tls.md', import.meta.url), 'utf8');

/** The commands of docs/tls.md, for a machine called localhost at 127.0.0.1. */
const blocks = [...TEXT.matchAll(/^```sh\n(.+?)^```/gms)].map(([, block = '']) =>
  block.replaceAll('box.lan', 'localhost').replaceAll('192.0.2.10', '127.0.0.1'),
);
const [alone = '', authority = '', signed = '', start = ''] = blocks;

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test('docs/tls.md makes certificates before it starts a pool', () => {
  expect(alone).toMatch(/^openssl req -x509 .*-out box\.pem\n$/s);
  expect(authority).toMatch(/-out ca\.pem\n$/);
  expect(signed).toMatch(/-CA ca\.pem .*-out box\.pem\n$/s);
  expect(start).toMatch(/^npx offhand server 4 --host 0\.0\.0\.0 /);
});

(hasOpenssl ? test : test.skip).each([
  ['one certificate', [alone], 'box.pem'],
  ['an authority', [authority, signed], 'ca.pem'],
])('a pool with %s, made as docs/tls.md says, runs a call from elsewhere', async (_what, commands, ca) => {
  await using sandbox = new Sandbox();
  for (const command of commands)
    expect(await run(sandbox, 'sh', ['-euc', command])).toMatchObject({ code: 0 });
  const flags = start.trim().split(' ').slice(4); // After `npx offhand server 4`.
  const server = await startServer(sandbox, ['1', '--no-profile', ...flags]);
  writeFileSync(sandbox.path('add.mjs'), 'export const add = (a, b) => a + b;');
  const env = { OFFHAND_ADDRESS: server.address, OFFHAND_TOKEN: server.token, OFFHAND_TLS_CA: ca };
  const ended = await offhand(sandbox, ['run', 'add.mjs#add', '2', '3'], env);
  expect(ended).toMatchObject({ code: 0, stdout: '5\n', stderr: '' });
  await server.stop();
});
