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
const [cert = '', start = '', client = '', alone = '', startAlone = ''] = blocks;

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** `offhand server` with the flags of a command that begins with `npx offhand server 4`. */
const started = (sandbox: Sandbox, command: string) =>
  startServer(sandbox, ['1', '--no-profile', ...wordsOf(command).slice(4)]);

const wordsOf = (command: string) => command.replaceAll('\\\n', ' ').trim().split(/\s+/);

test('docs/tls.md makes certificates before it starts a pool', () => {
  expect(cert).toBe('npx offhand cert localhost 127.0.0.1\n');
  expect(start).toMatch(/^npx offhand server 4 --host 0\.0\.0\.0 .* --tls-client-ca \S+\n$/s);
  expect(client).toMatch(/^export OFFHAND_ADDRESS=localhost:4999 /);
  expect(alone).toMatch(/^openssl req -x509 .*-out box\.pem\n$/s);
  expect(startAlone).toMatch(/^npx offhand server 4 --host 0\.0\.0\.0 /);
});

test('a pool with the certificates of docs/tls.md runs calls from elsewhere, by command and by program', async () => {
  await using sandbox = new Sandbox();
  const made = await offhand(sandbox, wordsOf(cert).slice(2));
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const server = await started(sandbox, start);
  // What it prints for this machine is what the page says, but for the number of workers.
  expect(made.stdout).toContain(`  ${wordsOf(start).join(' ').replace(' 4', '')}\n`);
  const variables = [...client.matchAll(/(OFFHAND_TLS_\w+)=(\S+)/g)].map(([, name, file]) => [name, file]);
  expect(variables.map(([name]) => name)).toEqual(['OFFHAND_TLS_CA', 'OFFHAND_TLS_CERT', 'OFFHAND_TLS_KEY']);
  const env = { OFFHAND_ADDRESS: server.address, OFFHAND_TOKEN: server.token };
  await runsAdd(sandbox, { ...env, ...(Object.fromEntries(variables) as Record<string, string>) });
  await server.stop();
});

(hasOpenssl ? test : test.skip)('a certificate by openssl, as docs/tls.md makes it, is enough', async () => {
  await using sandbox = new Sandbox();
  expect(await run(sandbox, 'sh', ['-euc', alone])).toMatchObject({ code: 0 });
  const server = await started(sandbox, startAlone);
  await runsAdd(sandbox, {
    OFFHAND_ADDRESS: server.address,
    OFFHAND_TOKEN: server.token,
    OFFHAND_TLS_CA: 'box.pem',
  });
  await server.stop();
});

async function runsAdd(sandbox: Sandbox, env: Record<string, string>): Promise<void> {
  writeFileSync(sandbox.path('add.mjs'), 'export const add = (a, b) => a + b;');
  const ended = await offhand(sandbox, ['run', 'add.mjs#add', '2', '3'], env);
  expect(ended).toMatchObject({ code: 0, stdout: '5\n', stderr: '' });
}
