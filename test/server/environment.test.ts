import { expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { Command, MAIN, offhand, ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

const SECRETS = { DATABASE_URL: 'postgres://me:secret@db', AWS_REGION: 'eu', NPM_TOKEN: 'npm' };

const look = () => ({ ...process.env });

test('tasks see nothing of the environment of whoever started the server but what they need, and what was named', async () => {
  await using sandbox = new Sandbox();
  await offhand(sandbox, ['token']);
  const env = { ...SECRETS, OFFHAND_TOKEN: sandbox.token };
  const server = await startServer(sandbox, ['1', '--no-profile', '--pass-env', 'AWS_*'], env);
  await using pool = await connect(server.address, { token: sandbox.token });
  const seen = await pool.run(look);
  expect(seen).toMatchObject({ PATH: sandbox.env['PATH'], HOME: sandbox.env['HOME'], AWS_REGION: 'eu' });
  const expected =
    /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LANGUAGE|XDG_RUNTIME_DIR)$|^(LC|NODE|OFFHAND|AWS)_/;
  expect(Object.keys(seen).filter((name) => !expected.test(name))).toEqual([]);
  expect(JSON.stringify(seen)).not.toContain(sandbox.token);
}, 60_000);

test('nor do tasks on workers that join from elsewhere', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile']);
  const ports = `${server.port + 1}-${server.port + 9}`;
  const args = ['worker', '--join', server.address, '--worker-ports', ports, '--tag', 'joined'];
  const env = { ...SECRETS, OFFHAND_TOKEN: sandbox.token };
  const joined = new Command(process.execPath, [MAIN, ...args], sandbox, env);
  await waitFor('the worker to join', () => joined.stdout.includes('belongs to the pool'));
  await using pool = await connect(server.address, { token: sandbox.token });
  const seen = await pool.with({ requires: ['joined'] }).run(look);
  for (const name of [...Object.keys(SECRETS), 'OFFHAND_TOKEN']) expect(seen).not.toHaveProperty(name);
}, 60_000);

test('what is no name is refused before anything starts', async () => {
  await using sandbox = new Sandbox();
  const { code, stderr } = await offhand(sandbox, ['server', '1', '--pass-env', 'A=1']);
  expect(stderr).toContain('--pass-env: expected names of variables');
  expect(code).toBe(1);
});

test('the pool that a program starts for itself has the environment of that program', async () => {
  await using sandbox = new Sandbox();
  const program = `import { startPool } from 'offhand';
    const pool = await startPool({ workers: 1 });
    console.log(await pool.run(() => process.env.DATABASE_URL));
    await pool.close();`;
  const script = 'cd "$ROOT" && exec node --input-type=module --eval "$PROGRAM"';
  const env = { ...SECRETS, ROOT, PROGRAM: program };
  const { stdout, stderr } = await run(sandbox, 'sh', ['-c', script], env);
  expect([stdout, stderr]).toEqual([`${SECRETS.DATABASE_URL}\n`, '']);
}, 60_000);
