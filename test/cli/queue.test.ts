import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { offhand } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';

const sandbox = new Sandbox();
let server: TestServer;
beforeAll(async () => {
  writeFileSync(
    sandbox.path('work.mjs'),
    `export const add = (a, b) => a + b;
     export const large = () => ({ n: 2n });
     export const fail = () => { throw new RangeError('no'); };
     export const wait = () => new Promise(() => setInterval(() => {}, 1000));`,
  );
  server = await startServer(sandbox, ['1', '--no-profile']);
}, 40_000);
afterAll(() => sandbox[Symbol.asyncDispose]());

/** Runs a command that has to succeed, and gives what it printed. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await offhand(sandbox, args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}
async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await offhand(sandbox, args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr;
}

describe('at the terminal', () => {
  test('a task is submitted, and its result fetched by its id', async () => {
    const id = await printed('submit', 'work.mjs#add', '20', '22');
    expect(await printed('result', id)).toBe('42');
    expect(await printed('result', id, '--json', '--wait', '5s')).toBe('42');
    const listed = await printed('tasks', '--json', '--state', 'succeeded');
    expect(JSON.parse(listed)).toMatchObject({ id, name: 'add', state: 'succeeded', preview: '20, 22' });
  });

  test('what failed is listed with its reason, and runs again', async () => {
    const lacking = await printed('submit', 'work.mjs#add', '1', '2', '--require', 'gpu,mem=8g');
    expect(await printed('why', lacking)).toContain('the pool has no worker with gpu, mem=8g');
    await printed('cancel', lacking);
    const { id } = JSON.parse(await printed('submit', 'work.mjs#fail', '--json')) as { id: string };
    const thrown = /^offhand: RangeError: no\n {4}at fail \(offhand-module-\w+-work\.mjs:\d+:\d+\)\n$/;
    expect(await refused('result', id)).toMatch(thrown);
    expect(await printed('tasks', '--dead')).toMatch(
      new RegExp(`${id}  failed .* fail\\(\\)\n {4}thrown: no$`, 'm'),
    );
    expect(await printed('retry', id)).toMatch(new RegExp(`^${id} (pending|running|failed)$`));
    expect(await refused('result', id)).toMatch(thrown);
  });

  test('why tells where the time of a task went, and why one waits', async () => {
    await using pool = await connect(server.address, { token: server.token });
    const add = (a: number, b: number) => a + b;
    const [over, later] = [await pool.submit(add, [1, 2]), await pool.submit(add, [1, 2], { delayMs: 1e7 })];
    await over.result();
    expect(await printed('why', over.id)).toMatch(
      /^add succeeded\non worker-1, .*first-free: .*\n(.* ms {2}.*\n)*.* ms {2}running$/,
    );
    expect(await printed('why', later.id)).toMatch(/^add pending\nwaits because: not before 20/);
    expect(JSON.parse(await printed('why', over.id, '--json'))).toMatchObject({ worker: 'worker-1' });
    await later.cancel();
  });

  test('logs print what a task has printed, each where it belongs', async () => {
    await using pool = await connect(server.address, { token: server.token });
    const talk = (n: number) => {
      for (let line = 1; line <= n; line++) console.log('line', line);
      console.error('over');
    };
    const [little, much] = [await pool.submit(talk, [2]), await pool.submit(talk, [20_000])];
    const followed = await offhand(sandbox, ['logs', little.id, '--follow']);
    expect(followed).toMatchObject({ code: 0, stdout: 'line 1\nline 2\n', stderr: 'over\n' });
    const [first] = (await offhand(sandbox, ['logs', little.id, '--json'])).stdout.split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({
      attempt: 1,
      number: 1,
      stream: 'stdout',
      text: 'line 1',
    });
    await much.result();
    const { code, stdout, stderr } = await offhand(sandbox, ['logs', much.id]);
    expect({ code, last: stdout.trim().split('\n').at(-1) }).toEqual({ code: 0, last: 'line 20000' });
    expect(stderr).toMatch(/^\(what it printed before is not kept: \d+ times\)\nover\n$/);
  });

  test('a task that runs is cancelled, and one that waits', async () => {
    const options = ['--group', 'g:1', '--priority', '3', '--retries', '2', '--timeout', '1h'];
    const runs = await printed('submit', 'work.mjs#wait', ...options);
    const waits = await printed(
      'submit',
      'work.mjs#add',
      '--after',
      runs,
      '1',
      '2',
      '--key',
      'k',
      '--delay',
      '1ms',
    );
    expect(await refused('result', waits, '--wait', '50ms')).toContain(`task ${waits} is pending after 50ms`);
    expect(await printed('cancel', runs, waits)).toBe(`${runs} cancelled\n${waits} cancelled`);
  });

  test('one of several that cannot be cancelled holds up no other', async () => {
    const [one, other] = [0, 1].map(() => printed('submit', 'work.mjs#add', '1', '2', '--delay', '1h'));
    const ids = [await one!, 'x'.repeat(20), await other!];
    const { code, stdout, stderr } = await offhand(sandbox, ['cancel', ...ids]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${ids[0]} cancelled\n${ids[2]} cancelled\n` });
    expect(stderr).toMatch(/^offhand: there is no task x+\n$/);
  });

  test('a result that JSON cannot carry is refused by --json, and printed without it', async () => {
    const id = await printed('submit', 'work.mjs#large');
    expect(await printed('result', id)).toBe('{ n: 2n }');
    expect(await refused('result', id, '--json')).toContain(
      'the result.n is a BigInt, which JSON cannot carry',
    );
  });

  test('nonsense is refused in one sentence', async () => {
    expect(await refused('tasks', '--dead', '--state', 'pending')).toContain('leave out --state');
    expect(await refused('submit', 'work.mjs#add', '--priority', '1.5')).toContain('got "1.5"');
    expect(await refused('result', 'x'.repeat(20))).toMatch(/there is no task x+\n$/);
    expect(await refused('result', 'no id')).toContain('expected the id of a task');
    expect(await refused('submit', 'work.mjs#add', 'x')).toContain('expected JSON');
    expect(await refused('submit', 'work.mjs#add', '--priority', '1000')).toContain('--priority');
    expect(await refused('submit', 'work.mjs#add', '--require', 'g p u')).toContain(
      'requires: expected a tag',
    );
    expect(await refused('submit', 'work.mjs#add', '--group', 'g')).toContain('--group');
    expect(await refused('tasks', '--limit', '0')).toContain('--limit');
  });

  test('a server that stops says what is gone with its memory', async () => {
    await printed('submit', 'work.mjs#add', '1', '2', '--delay', '1h');
    await server.stop();
    expect(server.stdout).toMatch(
      /submitted tasks that had no outcome are gone .*: 1; --store file:DIR keeps them\n/,
    );
  });
});
