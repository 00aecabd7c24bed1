import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { offhand, run } from '../support/cli.js';
import { testWith } from '../support/programs.js';
import { isRunning, killNow } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';
import { Jobs } from './folder.js';

const names = (jobs: Jobs) => jobs.results.scripts.map(({ name, state }) => `${name} ${state}`);

testWith('python3')(
  'every kind of script runs as its own process, in a folder of its own, and finds its siblings',
  async () => {
    await using jobs = new Jobs({
      'a.js': `console.log(require('./_shared.cjs'), process.cwd(), process.env.OFFHAND_SCRIPT_DIR)`,
      'b.mjs': `import shared from './_shared.cjs'; console.log(shared)`,
      'c.cjs': `console.log(require('./_shared.cjs'))`,
      'd.ts': `import { typed } from './_typed.ts'; const text: string = typed; console.log(text, import.meta.url)`,
      'e.py': `import sys, _helper\nprint(_helper.text, sys.stdin.read() == '')`,
      'f.sh': `cat "$OFFHAND_SCRIPT_DIR/_text"; echo made > made.txt`,
      tool: '#!/bin/sh\necho tool',
      '_shared.cjs': `module.exports = 'shared'`,
      '_typed.ts': `export const typed = 'typed'`,
      '_helper.py': `text = 'helped'`,
      _text: 'text',
      'README.md': 'no script',
    });
    const ended = await jobs.run('--workers', '2');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('7 succeeded, 0 failed');
    const dir = jobs.path('jobs');
    const own = jobs.path('result', 'scripts', 'a.js', 'files');
    expect(jobs.read('a.js')).toBe(`shared ${own} ${dir}\n`);
    expect(jobs.read('b.mjs')).toBe('shared\n');
    expect(jobs.read('c.cjs')).toBe('shared\n');
    expect(jobs.read('d.ts')).toBe(`typed file://${dir}/d.ts\n`);
    expect(jobs.read('e.py')).toBe('helped True\n');
    expect(jobs.read('f.sh')).toBe('text');
    expect(jobs.read('tool')).toBe('tool\n');
    expect(jobs.of('f.sh').files).toEqual([{ name: 'made.txt', bytes: 5 }]);
    expect(readdirSync(jobs.path('result')).sort()).toEqual(['result.zip', 'results.json', 'scripts']);
    expect(jobs.processes()).toEqual([]);
  },
);

testWith('python3')(
  'whatever goes wrong in a script is told with the end of its stderr, and the others go on',
  async () => {
    await using jobs = new Jobs({
      'exit.js': `console.error('first'); console.error('the reason'); process.exit(7)`,
      'hang.sh': '# offhand: timeout=300ms\nsleep 1000 &\nsleep 1000',
      'missing.sh': '#!/usr/bin/env no-such-program\n',
      'noise.sh': '# offhand: timeout=20s\nyes',
      'ok.js': `console.log('fine')`,
      'signal.sh': 'kill -SEGV $$',
      'stubborn.sh': `# offhand: timeout=2s\ntrap '' TERM\nsleep 1000`,
      'syntax.py': 'print(',
      'syntax.ts': 'const x: = 3',
    });
    const ended = await jobs.run('--max-output', '10mb');
    expect(ended.code).toBe(8);
    expect(ended.stdout).toContain('1 succeeded, 8 failed');
    const failureOf = (name: string) => {
      const { failure, exitCode, signal } = jobs.of(name);
      return [failure?.kind, failure?.message, exitCode, signal];
    };
    expect(failureOf('exit.js')).toEqual(['exit', 'exit code 7', 7, null]);
    expect(jobs.of('exit.js').stderr).toBe('first\nthe reason');
    expect(failureOf('hang.sh')).toEqual([
      'timeout',
      'not over after its timeout of 300 ms',
      null,
      'SIGTERM',
    ]);
    expect(failureOf('stubborn.sh')).toEqual([
      'timeout',
      'not over after its timeout of 2000 ms',
      null,
      'SIGKILL',
    ]);
    expect(failureOf('missing.sh')[1]).toBe('no-such-program, which runs it, is not installed here');
    expect(failureOf('noise.sh')[1]).toBe('printed more than 10485760 bytes (--max-output)');
    expect(failureOf('signal.sh')).toEqual(['signal', 'ended by SIGSEGV', null, 'SIGSEGV']);
    expect(jobs.of('syntax.py').stderr).toContain('SyntaxError');
    expect(failureOf('syntax.ts')[1]).toBe('cannot be compiled: Unexpected "="');
    expect(jobs.of('syntax.ts').stderr).toContain('syntax.ts:1:9');
    expect(jobs.processes()).toEqual([]);
  },
);

testWith('unzip')('100 MB of output go into the archive, and take no memory of a worker', async () => {
  await using jobs = new Jobs({
    'noisy.sh': `yes 'a line of noise' | head -c 100000000; grep VmHWM /proc/$PPID/status > memory`,
  });
  expect(await jobs.run()).toMatchObject({ code: 0 });
  const kilobytes = Number(/(\d+) kB/.exec(jobs.read('noisy.sh', 'files/memory'))?.[1]);
  expect(kilobytes).toBeGreaterThan(10_000);
  expect(kilobytes).toBeLessThan(250_000);
  const listed = await run(jobs, 'unzip', ['-l', 'result/result.zip']);
  expect(listed.stdout).toMatch(/^100000000 .* scripts\/noisy\.sh\/stdout$/m);
});

testWith('unzip', 'python3')(
  'nothing that a script writes leaves its folder when the archive is unpacked',
  async () => {
    await using jobs = new Jobs({
      'ünïcode ☂.sh': `echo u > 'ä ☂.txt'; mkdir empty; mkfifo pipe; ln -s /etc outside; ln -s ../../.. up
      printf '\\000\\377' > binary; echo evil > '..\\..\\evil.txt'; echo x > '..%5C..%5Cevil.txt'`,
      'replaced.sh': 'rm -r "$PWD"; ln -s /etc "$PWD"',
    });
    expect(await jobs.run()).toMatchObject({ code: 0, stderr: '' });
    expect(jobs.of('replaced.sh').files).toEqual([]);
    const files = jobs.of('ünïcode ☂.sh').files;
    expect(files).toContainEqual({ name: 'outside', bytes: 4, link: '/etc' });
    expect(files).toContainEqual(expect.objectContaining({ name: 'pipe', leftOut: expect.any(String) }));
    mkdirSync(jobs.path('by', 'unzip'), { recursive: true });
    expect(await run(jobs, 'unzip', ['-q', 'result/result.zip', '-d', 'by/unzip'])).toMatchObject({
      code: 0,
    });
    expect(
      await run(jobs, 'python3', ['-m', 'zipfile', '-e', 'result/result.zip', 'by/python']),
    ).toMatchObject({ code: 0 });
    for (const by of ['by/unzip', 'by/python']) {
      const folder = jobs.path(by, 'scripts', 'ünïcode ☂.sh', 'files');
      expect(readFileSync(`${folder}/binary`)).toEqual(Buffer.from([0, 255]));
      expect(readFileSync(`${folder}/ä ☂.txt`, 'utf8')).toBe('u\n');
      expect(readdirSync(folder)).toEqual(expect.arrayContaining(['empty', 'outside', 'up']));
      expect(readdirSync(folder).filter((name) => name.includes('evil'))).toHaveLength(2);
      expect(readdirSync(jobs.path(by)).sort()).toEqual(['results.json', 'scripts']);
    }
    expect(readdirSync(jobs.path('by')).sort()).toEqual(['python', 'unzip']);
  },
);

test('a script whose output cannot be written fails, and says so', async () => {
  await using jobs = new Jobs({
    'a.sh': 'rm -r ../../../scripts; touch ../../../scripts',
    'b.sh': 'echo b',
  });
  expect(await jobs.run('--workers', '1')).toMatchObject({ code: 1 });
  expect(jobs.of('b.sh').failure).toEqual({
    kind: 'not-started',
    message: expect.stringMatching(/^its output cannot be written: ENOTDIR/),
  });
  expect(await jobs.run('--out', 'result/result.zip')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^offhand: --out: the folder result\/result\.zip cannot be written/),
  });
});

test('a folder with something else in it is never cleared', async () => {
  await using jobs = new Jobs({ 'a.sh': 'echo a' });
  mkdirSync(jobs.path('result', 'scripts'), { recursive: true });
  writeFileSync(jobs.path('result', 'scripts', 'mine'), 'mine');
  const refused = await jobs.run();
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch(
    /^offhand: result holds something else than results \(scripts\); name another folder by --out\n$/,
  );
  expect(existsSync(jobs.path('result', 'scripts', 'mine'))).toBe(true);
});

test('--resume runs what failed, is missing or has changed', async () => {
  await using jobs = new Jobs({ 'a.sh': 'echo a', 'b.sh': 'exit 1', 'c.sh': 'echo c' });
  expect(await jobs.run()).toMatchObject({ code: 1 });
  jobs.write('b.sh', 'echo b');
  jobs.write('d.sh', 'echo d');
  const again = await jobs.run('--resume');
  expect(again).toMatchObject({ code: 0 });
  expect(again.stdout).toContain('4 succeeded (2 of them kept from before), 0 failed');
  expect(jobs.results.scripts.map(({ name, kept }) => `${name} ${kept}`)).toEqual([
    'a.sh true',
    'b.sh false',
    'c.sh true',
    'd.sh false',
  ]);
  expect(jobs.read('a.sh')).toBe('a\n');
});

test('retries of a header are further attempts, each in a fresh folder', async () => {
  await using jobs = new Jobs({
    'flaky.sh':
      '# offhand: retries=2\nls; echo x > file; echo . >> ../../../../count; test $(wc -l < ../../../../count) = 3',
  });
  expect(await jobs.run()).toMatchObject({ code: 0 });
  expect(jobs.of('flaky.sh')).toMatchObject({ attempts: 3, state: 'succeeded' });
  expect(jobs.read('flaky.sh')).toBe('');
});

test('--batch, --order, --glob, --recursive and --cwd choose what runs, where and when', async () => {
  await using jobs = new Jobs({ 'a.sh': 'pwd', 'sub/b.sh': 'pwd', 'sub/c.sh': 'exit 2', 'd.py': 'print(1)' });
  const flags = [
    '--recursive',
    '--glob',
    '**/*.sh',
    '--cwd',
    'script',
    '--batch',
    '3',
    '--order',
    'longest-first',
  ];
  expect(await jobs.run(...flags)).toMatchObject({ code: 1 });
  expect(names(jobs)).toEqual(['a.sh succeeded', 'sub/b.sh succeeded', 'sub/c.sh failed']);
  expect(jobs.read('sub/b.sh')).toBe(`${jobs.path('jobs', 'sub')}\n`);
  expect(jobs.of('sub/c.sh').failure?.message).toBe('exit code 2');
});

test('--compare runs all of them one after another as well, and says what was saved', async () => {
  await using jobs = new Jobs({ 'a.sh': 'echo a >> ../../../../log', 'b.sh': 'echo b >> ../../../../log' });
  const ended = await jobs.run('--compare', '--workers', '2');
  expect(ended.stdout).toMatch(
    /One after another: +\d+\.\d\d s\nIn parallel: +\d+\.\d\d s, \d+\.\d\d of it: -?\d+ % saved/,
  );
  expect(readFileSync(jobs.path('log'), 'utf8').split('\n').sort().join('')).toBe('aabb');
  expect(jobs.results.sequentialMs).toBeGreaterThan(0);
  expect(await jobs.run('--sequential')).toMatchObject({ code: 0 });
  expect(jobs.results.isSequential).toBe(true);
});

testWith('unzip')(
  '--post is given all results, and what it writes is packaged; its failure counts',
  async () => {
    await using jobs = new Jobs({ 'a.sh': 'echo a' });
    writeFileSync(
      jobs.path('post.mjs'),
      `import { writeFileSync } from 'node:fs';
    export const count = ({ folder, scripts }) => {
      writeFileSync(folder + '/post/names.txt', scripts.map(({ name }) => name).join());
      return scripts.length;
    };
    export const fail = () => { throw new Error('no such thing'); };`,
    );
    expect(await jobs.run('--post', 'post.mjs#count')).toMatchObject({ code: 0 });
    expect(jobs.results.post).toEqual({ result: 1 });
    const listed = await run(jobs, 'unzip', ['-p', 'result/result.zip', 'post/names.txt']);
    expect(listed.stdout).toBe('a.sh');
    expect(await jobs.run('--post', 'post.mjs#fail')).toMatchObject({ code: 1 });
    expect(jobs.results.post).toEqual({ error: 'no such thing' });
  },
);

testWith('unzip')('Ctrl-C stops what runs, and writes what there is', async () => {
  await using jobs = new Jobs({ 'a.sh': 'echo a', 'b.sh': 'echo begun; sleep 1000' });
  const command = jobs.start('--workers', '1');
  await waitFor('the second script to print', () => {
    const file = jobs.path('result', 'scripts', 'b.sh', 'stdout');
    return existsSync(file) && readFileSync(file, 'utf8') === 'begun\n';
  });
  command.signal('SIGINT');
  expect(await command.ended).toEqual({ code: 130, signal: null });
  expect(names(jobs)).toEqual(['a.sh succeeded', 'b.sh cancelled']);
  const listed = await run(jobs, 'unzip', ['-p', 'result/result.zip', 'scripts/b.sh/stdout']);
  expect(listed.stdout).toBe('begun\n');
  await jobs.whenEmpty();
});

test('the pool that runs is used; a script whose worker dies ends with it, and runs once more', async () => {
  await using jobs = new Jobs({
    'a.sh':
      'echo . >> ../../../../count; echo $PPID $$ > ../../../../pids; test $(wc -l < ../../../../count) = 2 || sleep 1000',
  });
  const server = await startServer(jobs, ['1', '--no-profile', '--no-http']);
  const command = jobs.start();
  const pids = () =>
    existsSync(jobs.path('pids'))
      ? readFileSync(jobs.path('pids'), 'utf8').trim().split(' ').map(Number)
      : [];
  const [worker = 0, script = 0] = await waitFor('the script to begin', () =>
    pids().length === 2 ? pids() : undefined,
  );
  killNow(worker);
  await waitFor('the script to end with its worker', () => !isRunning(script));
  expect(await command.ended).toEqual({ code: 0, signal: null });
  expect(jobs.of('a.sh')).toMatchObject({ state: 'succeeded', attempts: 2 });
  await server.stop();
});

test.each([
  [['scripts', 'nowhere'], 'offhand: nowhere: there is no such folder\n'],
  [['scripts', '.'], /^offhand: \.: no scripts \(.*\); --recursive looks in its folders too\n$/],
  [
    ['scripts', 'jobs', '--compare', '--sequential'],
    'offhand: --compare does both; leave out --sequential\n',
  ],
  [['scripts', 'jobs', '--workers', '0'], /^offhand: --workers: expected a whole number from 1/],
  [['scripts', 'jobs', '--post', 'none.js'], 'offhand: none.js: there is no such file\n'],
])('%j is refused in one sentence', async (args, stderr) => {
  await using jobs = new Jobs({ 'a.sh': 'echo a' });
  const ended = await offhand(jobs, args);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toEqual(typeof stderr === 'string' ? stderr : expect.stringMatching(stderr));
});
