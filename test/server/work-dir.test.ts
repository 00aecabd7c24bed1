import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Pool } from 'offhand';
import { offhand, run } from '../support/cli.js';
import { join as joinPool } from '../support/crew.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

/** Where a task is, and who may look into it. */
const look = async () => {
  const { statSync } = await import('node:fs');
  return { folder: process.cwd(), mode: statSync('.').mode & 0o777 };
};
const write = async (name: string) => {
  const { writeFileSync } = await import('node:fs');
  writeFileSync(name, 'written');
};
const list = async () => (await import('node:fs')).readdirSync('.');
const crash = () => process.kill(process.pid, 'SIGKILL');

const valuesOf = async <T>(pool: Pool, fn: () => T) =>
  (await pool.broadcast(fn)).map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
const temporary = (sandbox: Sandbox) =>
  readdirSync(sandbox.tmp).filter((name) => name.startsWith('offhand-work-'));

describe('workers of a server', () => {
  let sandbox: Sandbox;
  let server: TestServer;
  let pool: Pool;
  beforeAll(async () => {
    sandbox = new Sandbox();
    mkdirSync(sandbox.path('node_modules', 'from-here'), { recursive: true });
    writeFileSync(sandbox.path('node_modules', 'from-here', 'index.js'), 'module.exports = 42;');
    server = await startServer(sandbox, ['2', '--no-profile']);
    pool = await connect(server.address, { token: server.token });
  }, 40_000);
  afterAll(() => sandbox[Symbol.asyncDispose]());

  test('have working folders of their own, for their user alone, among the temporary files', async () => {
    const [root = ''] = temporary(sandbox);
    const expected = ['worker-1', 'worker-2'].map((name) => ({
      folder: join(realpathSync(sandbox.tmp), root, name),
      mode: 0o700,
    }));
    expect(await valuesOf(pool, look)).toEqual(expected);
    expect(expected.map(({ folder }) => folder)).toContain(
      (await pool.with({ isolate: true }).run(look)).folder,
    );
  });

  test('write nothing into the folder where it was started', async () => {
    await pool.run(write, 'made');
    expect(existsSync(sandbox.path('made'))).toBe(false);
  });

  test('find modules from where it was started', async () => {
    const load = async () => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- that is what is tried
      const required = require('from-here') as number;
      const name = 'from-here';
      const imported = (await import(name)) as { default: number };
      return [required, imported.default];
    };
    for (const each of [pool, pool.with({ isolate: true })]) expect(await each.run(load)).toEqual([42, 42]);
  });

  test('find what was there when their process is replaced', async () => {
    const one = pool.with({ retries: 0 });
    await valuesOf(pool, async () => (await import('node:fs')).writeFileSync('kept', ''));
    await expect(one.run(crash)).rejects.toMatchObject({ code: 'worker-lost' });
    await waitFor('both workers', async () => (await server.status()).workers.length === 2);
    for (const names of await valuesOf(pool, list)) expect(names).toContain('kept');
  });

  test('leave nothing of them behind', async () => {
    await pool.close();
    await server.stop();
    expect(readdirSync(sandbox.tmp)).toEqual([]);
  });
});

test('--work-dir names a folder for them, which stays as it is', async () => {
  await using sandbox = new Sandbox();
  mkdirSync(sandbox.path('work', 'worker-1'), { recursive: true });
  writeFileSync(sandbox.path('work', 'worker-1', 'before'), '');
  const server = await startServer(sandbox, ['1', '--no-profile', '--work-dir', 'work']);
  const pool = await connect(server.address, { token: server.token });
  await pool.run(write, 'made');
  await pool.close();
  await server.stop();
  expect(readdirSync(sandbox.path('work', 'worker-1')).sort()).toEqual(['before', 'made']);
  expect(temporary(sandbox)).toEqual([]);
}, 40_000);

test('--no-work-dir has them work in the folder where the server was started', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--no-work-dir']);
  await using pool = await connect(server.address, { token: server.token });
  expect((await pool.run(look)).folder).toBe(realpathSync(sandbox.cwd));
  expect(temporary(sandbox)).toEqual([]);
}, 40_000);

test('with --permission tasks write there and nowhere else', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--permission']);
  await using pool = await connect(server.address, { token: server.token });
  await pool.run(write, 'made');
  for (const elsewhere of [sandbox.path('made'), '../made', '../worker-2/made'])
    await expect(pool.run(write, elsewhere)).rejects.toMatchObject({ code: 'ERR_ACCESS_DENIED' });
}, 40_000);

test('workers that join have theirs on their own machine, and leave nothing behind', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile']);
  const crew = await joinPool(server, [], 2);
  await using pool = await connect(server.address, { token: server.token });
  const folders = (await valuesOf(pool, look)).map(({ folder }) => folder);
  expect(new Set(folders).size).toBe(3);
  expect(temporary(sandbox)).toHaveLength(2);
  crew.signal('SIGTERM');
  await crew.ended;
  expect(temporary(sandbox)).toHaveLength(1);
}, 60_000);

describe('after the server was killed', () => {
  test.concurrent(
    'the next one has the workers go on in their folders, and clears them away',
    async () => {
      await using sandbox = new Sandbox();
      const first = await startServer(sandbox, ['2', '--no-profile']);
      await using pool = await connect(first.address, { token: first.token });
      await valuesOf(pool, async () => (await import('node:fs')).writeFileSync('kept', ''));
      first.kill();
      await first.ended;
      const { port } = first;
      const ports = ['--port', String(port), '--worker-ports', `${port + 1}-${port + 19}`];
      const second = await new TestServer(sandbox, ['2', '--no-profile', '--no-http', ...ports]).whenReady();
      expect(temporary(sandbox)).toHaveLength(1);
      // One that is started anew is in the same place.
      await expect(pool.with({ retries: 0 }).run(crash)).rejects.toMatchObject({ code: 'worker-lost' });
      await waitFor('both workers', async () => (await second.status()).workers.length === 2);
      expect(await valuesOf(pool, list)).toEqual([['kept'], ['kept']]);
      await second.stop();
      expect(temporary(sandbox)).toEqual([]);
    },
    60_000,
  );

  test.concurrent(
    'workers that nobody takes on clear their folders away',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2', '--no-profile', '--coordinator-timeout', '4s']);
      server.kill();
      await sandbox.whenEmpty();
      expect(temporary(sandbox)).toEqual([]);
    },
    60_000,
  );

  test.concurrent(
    'and its workers too, whoever looks for a pool does',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['2', '--no-profile']);
      server.kill();
      for (const { pid } of sandbox.processes()) process.kill(pid, 'SIGKILL');
      await sandbox.whenEmpty();
      expect(temporary(sandbox)).toHaveLength(1);
      await offhand(sandbox, ['status']);
      expect(temporary(sandbox)).toEqual([]);
    },
    60_000,
  );
});

test('a second signal leaves nothing behind either', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile']);
  const pool = await connect(server.address, { token: server.token });
  const endless = pool.run(async () => {
    (await import('node:fs')).writeFileSync('began', '');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  });
  endless.catch(() => undefined); // It ends with its worker.
  const began = () =>
    temporary(sandbox).some((root) => existsSync(join(sandbox.tmp, root, 'worker-1', 'began')));
  await waitFor('the task to run', began);
  server.signal('SIGINT');
  await waitFor('the server to stop', () => server.stdout.includes('stopping'));
  expect(await server.stop('SIGINT')).toMatchObject({ code: 130 });
  expect(temporary(sandbox)).toEqual([]);
  await pool.close();
}, 60_000);

describe('what cannot be a working folder is refused in a sentence', () => {
  test.each([
    [['--work-dir', 'file'], {}, /^offhand: --work-dir: the folder file cannot be written \(.*\)\n$/],
    [
      ['--work-dir', '/proc/none'],
      {},
      /^offhand: --work-dir: the folder \/proc\/none cannot be written \(.*\)\n$/,
    ],
    [
      ['--work-dir', 'taken'],
      {},
      /^offhand: worker-1 cannot have \S+\/taken\/worker-1 as its working folder \(.*\); --work-dir names/,
    ],
    [
      [],
      { TMPDIR: '/proc/none' },
      /^offhand: the workers cannot have working folders among the temporary files \(.*\); --work-dir/,
    ],
  ])('%j %j', async (flags, env, words) => {
    await using sandbox = new Sandbox();
    writeFileSync(sandbox.path('file'), '');
    mkdirSync(sandbox.path('taken'));
    writeFileSync(sandbox.path('taken', 'worker-1'), '');
    const { code, stderr } = await offhand(
      sandbox,
      ['server', '1', '--no-profile', '--no-http', ...flags],
      env,
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(words) });
    await sandbox.whenEmpty(3_000);
  });
});

test('the pool that a program starts for itself works where that program does', async () => {
  await using sandbox = new Sandbox();
  const library = new URL('../../dist/index.js', import.meta.url).href;
  const program = `import { startPool } from ${JSON.stringify(library)};
    const pool = await startPool({ workers: 1 });
    await pool.run(async () => (await import('node:fs')).writeFileSync('made', process.cwd()));
    await pool.close();`;
  const { stderr } = await run(sandbox, process.execPath, ['--input-type=module', '--eval', program]);
  expect([stderr, readFileSync(sandbox.path('made'), 'utf8')]).toEqual(['', realpathSync(sandbox.cwd)]);
  expect(readdirSync(sandbox.tmp)).toEqual([]);
}, 40_000);
