import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Pool } from 'offhand';
import { poolError } from '../client/support.js';
import { offhand } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';
import { readProfile } from '../support/profile.js';

const write = async (file: string) => {
  const { writeFileSync } = await import('node:fs');
  writeFileSync(file, '');
};
const start = async () => {
  const { execFileSync } = await import('node:child_process');
  return execFileSync('echo', ['hello']).toString();
};

let sandbox: Sandbox;
let server: TestServer;
let pool: Pool;
beforeAll(async () => {
  sandbox = new Sandbox();
  mkdirSync(sandbox.path('out'));
  server = await startServer(sandbox, ['1', '--permission', '--allow', 'fs-write=out']);
  pool = await connect(server.address, { token: server.token });
}, 40_000);
afterAll(async () => {
  await pool.close();
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

describe("tasks under Node's permission model", () => {
  test('read, compute and import', async () => {
    expect(await pool.run((n: number) => 2 * n, 21)).toBe(42);
    const read = async () => (await import('node:fs')).readFileSync('/etc/hosts', 'utf8').length;
    expect(await pool.run(read)).toBeGreaterThan(0);
  });

  test('write where that is allowed, and nowhere else', async () => {
    await pool.run(write, sandbox.path('out/made'));
    expect(existsSync(sandbox.path('out/made'))).toBe(true);
    for (const each of [pool, pool.with({ isolate: true })])
      await expect(each.run(write, sandbox.path('elsewhere'))).rejects.toMatchObject({
        code: 'ERR_ACCESS_DENIED',
      });
    expect(existsSync(sandbox.path('elsewhere'))).toBe(false);
  });

  test('start no programs', async () => {
    await expect(pool.run(start)).rejects.toMatchObject({ code: 'ERR_ACCESS_DENIED' });
  });

  test('end in every way as they do without', async () => {
    const spin = () => {
      for (;;);
    };
    expect(await pool.with({ isolate: true }).run(() => 5)).toBe(5);
    expect(await poolError(pool.with({ timeoutMs: 100 }).run(spin))).toMatchObject({ code: 'timeout' });
    expect(await poolError(pool.run(() => process.exit(3)))).toMatchObject({ code: 'exited' });
    const killed = pool.with({ retries: 0 }).run(() => process.kill(process.pid, 'SIGKILL'));
    expect(await poolError(killed)).toMatchObject({ code: 'worker-lost' });
    expect(await pool.run(() => 6)).toBe(6);
  });

  test('are in the profile, without the CPU and memory that only a program could measure', async () => {
    const rows = await waitFor('rows', () => {
      // While it is being written its last line may not be whole.
      const isWhole = readFileSync(server.profile, 'utf8').endsWith('\n');
      const written = isWhole ? readProfile(server.profile) : [];
      return written.length > 20 ? written : undefined;
    });
    expect(rows.every(({ cpuPercent, rssBytes }) => cpuPercent === undefined && rssBytes === undefined)).toBe(
      true,
    );
  });
});

test('what is allowed besides may be several things, and a worker leaves no socket behind', async () => {
  await using own = new Sandbox();
  const flags = ['--permission', '--allow', 'child-process', '--allow', `fs-write=${own.path('.')}`];
  const other = await startServer(own, ['1', '--no-profile', '--audit-log', 'audit.jsonl', ...flags]);
  const client = await connect(other.address, { token: other.token });
  expect(await client.run(start)).toBe('hello\n');
  await client.run(write, own.path('made'));
  await client.close();
  await other.stop();
  expect(existsSync(own.path('made'))).toBe(true);
  const left = readdirSync(own.env['XDG_RUNTIME_DIR'] ?? '', { recursive: true }).map(String);
  expect(left.filter((name) => name.endsWith('.sock'))).toEqual([]);
}, 40_000);

test.each([
  [['--allow', 'child-process'], /--allow goes together with --permission, which is missing/],
  [
    ['--permission', '--allow', 'everything'],
    /--allow: expected fs-write=FOLDER, child-process, addons or wasi, got everything/,
  ],
  [['--permission', '--allow', 'fs-write='], /--allow: expected fs-write=FOLDER, .* got fs-write=/],
])('%j is refused in a sentence', async (flags, words) => {
  await using own = new Sandbox();
  const { code, stderr } = await offhand(own, ['server', '1', ...flags]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(words) });
});
