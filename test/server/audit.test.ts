import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Pool } from 'offhand';
import { idOf } from '../../src/wire/functions/function-id.js';
import { offhand } from '../support/cli.js';
import { poolError } from '../client/support.js';
import { codeRequest, runCode } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

type Line = Record<string, unknown> & { event: string };

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = new Sandbox();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const lines = (file: string): Line[] =>
  readFileSync(sandbox.path(file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

/** What was written down of a function, in short, once it has ended. */
async function storyOf(name: string): Promise<unknown[]> {
  return await waitFor(`the end of ${name}`, () => {
    const all = lines('audit.jsonl');
    const task = all.find((line) => line['function'] === name)?.['task'];
    const own = all.filter((line) => line['task'] === task);
    if (task === undefined || own.at(-1)?.event === 'begun') return undefined;
    return own.map((line) => [line.event, line['outcome']].filter(Boolean).join(' '));
  });
}

describe('the audit log', () => {
  let server: TestServer;
  let pool: Pool;
  beforeAll(async () => {
    writeFileSync(sandbox.path('audit.jsonl'), `{"event":"from before"}\n`, { mode: 0o600 });
    server = await startServer(sandbox, ['1', '--no-profile', '--audit-log', 'audit.jsonl']);
    pool = await connect(server.address, { token: server.token });
  }, 40_000);
  afterAll(async () => {
    await pool.close();
    await server.stop();
  });

  test('says who ran which function when, and what came of it, behind what was there before', async () => {
    const before = Date.now();
    await pool.run(function adds(a: number, b: number) {
      return a + b;
    }, 1, 2); // prettier-ignore
    expect(await storyOf('adds')).toEqual(['begun', 'ended completed']);
    const all = lines('audit.jsonl');
    const [begun, ended] = all.filter(({ task }) => task !== undefined);
    const client = all.find(({ event }) => event === 'connected')?.['client'];
    expect(all[0]).toEqual({ event: 'from before' });
    expect(begun).toMatchObject({ event: 'begun', attempt: 1, function: 'adds', worker: 'worker-1' });
    expect(String(client)).toMatch(new RegExp(`^${String(begun?.['client'])}/\\d+$`));
    expect(begun?.['hash']).toMatch(/^[0-9a-f]{64}$/);
    expect(Date.parse(String(begun?.['at']))).toBeGreaterThanOrEqual(before - 1);
    expect(Date.parse(String(ended?.['at']))).toBeLessThanOrEqual(Date.now());
    expect(ended?.['ms']).toBeGreaterThanOrEqual(0);
  });

  test('is for its owner alone', () => {
    expect(statSync(sandbox.path('audit.jsonl')).mode & 0o777).toBe(0o600);
  });

  test('tells every way in which a task ends', async () => {
    const quick = pool.with({ timeoutMs: 100 });
    const alone = pool.with({ isolate: true, retries: 0 });
    await poolError(quick.run(function loops() { for (;;); })); // prettier-ignore
    await poolError(pool.run(function exits() { process.exit(3); })); // prettier-ignore
    await pool.run(function throws() { throw new Error('meant'); }).catch(() => undefined); // prettier-ignore
    await alone.run(function alone() { return 1; }); // prettier-ignore
    await poolError(alone.run(function exitsAlone() { process.exit(3); })); // prettier-ignore
    expect(await storyOf('throws')).toEqual(['begun', 'ended thrown']);
    expect(await storyOf('alone')).toEqual(['begun', 'ended completed']);
    expect(await storyOf('exitsAlone')).toEqual(['begun', 'ended exited']);
  });

  test('has begun before its code does, so that a task that takes its worker along stands there', async () => {
    const killer = pool.with({ retries: 0 });
    await poolError(killer.run(function kills() { process.kill(process.pid, 'SIGKILL'); })); // prettier-ignore
    const own = lines('audit.jsonl').filter((line) => line['function'] === 'kills');
    expect(own.map(({ event }) => event)).toEqual(['begun']);
  });

  test('tells a submitted task from its arrival to its outcome, under one id', async () => {
    const handle = await pool.submit(function later(n: number) { return n; }, [7]); // prettier-ignore
    expect(await handle.result()).toBe(7);
    await waitFor(
      'the outcome',
      async () => (await storyOf('later')).includes('settled completed') || undefined,
    );
    expect(await storyOf('later')).toEqual(['submitted', 'begun', 'ended completed', 'settled completed']);
  });

  test('knows those who call by gRPC alone by the name they give themselves', async () => {
    using caller = server.caller('the-auditor');
    const lease = await caller.findFreeWorker();
    await runCode(server.token, lease, { ...codeRequest(lease, '() => 5'), name: 'raw' });
    await caller.freeWorker(lease);
    expect(await storyOf('raw')).toEqual(['begun', 'ended completed']);
    const begun = lines('audit.jsonl').find((line) => line['function'] === 'raw');
    expect(begun).toMatchObject({ hash: idOf('() => 5'), parts: [] });
  });
});

test('what may not run stands in the audit log, called or submitted', async () => {
  writeFileSync(sandbox.path('add.js'), '(a, b) => a + b');
  await offhand(sandbox, ['allow', 'add.js', '--source']);
  const named = ['--code', 'named', '--functions', 'functions.json', '--audit-log', 'named.jsonl'];
  const server = await startServer(sandbox, ['1', '--no-profile', ...named]);
  const pool = await connect(server.address, { token: server.token });
  expect(await poolError(pool.run(function called() { return 1; }))).toMatchObject({ code: 'not-allowed' }); // prettier-ignore
  await expect(pool.submit(function submitted() { return 1; }, [])).rejects.toMatchObject({ code: 'not-allowed' }); // prettier-ignore
  const refused = lines('named.jsonl').filter(({ event }) => event === 'refused');
  expect(refused.map((line) => [line['function'], line['outcome']])).toEqual([
    ['called', 'not-allowed'],
    ['submitted', 'not-allowed'],
  ]);
  expect(lines('named.jsonl').some(({ event }) => event === 'begun')).toBe(false);
  await pool.close();
  await server.stop();
}, 40_000);

describe('where the audit log cannot be written', () => {
  test('nothing starts', async () => {
    const { code, stderr } = await offhand(sandbox, ['server', '1', '--audit-log', 'nowhere/audit.jsonl']);
    expect(stderr).toMatch(/--audit-log: the file \S+nowhere\/audit\.jsonl cannot be written \(ENOENT/);
    expect(code).not.toBe(0);
  });

  test('nothing runs: not even when the disk is full later', async () => {
    const server = await startServer(sandbox, ['1', '--no-profile', '--audit-log', '/dev/full']);
    const pool = await connect(server.address, { token: server.token });
    const made = sandbox.path('made');
    const writes = (file: string) => {
      const { writeFileSync: write } = process.getBuiltinModule('node:fs');
      write(file, '');
    };
    expect(await poolError(pool.run(writes, made))).toMatchObject({
      code: 'permission-denied',
      message: expect.stringMatching(/--audit-log: the file \/dev\/full cannot be written \(ENOSPC/),
    });
    expect(existsSync(made)).toBe(false);
    await pool.close();
    await server.stop();
  }, 40_000);
});
