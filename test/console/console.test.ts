import { writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { MAIN, offhand, run } from '../support/cli.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { Terminal } from '../support/terminal.js';

const consoleIn = (sandbox: Sandbox, ...flags: string[]) =>
  new Terminal(sandbox, process.execPath, [MAIN, 'console', ...flags]);

testWith('tmux')(
  'in a terminal it asks for the workers, shows them above, and leaves alone what is being typed',
  async () => {
    await using sandbox = new Sandbox();
    const terminal = consoleIn(sandbox);
    await terminal.shows(/^How many workers\? \[\d+\]/m);
    terminal.press('2', 'Enter');
    await terminal.shows(/^worker-2 +free\nqueue +empty$/m);
    terminal.press('add 3x60s', 'Enter');
    const seen = await terminal.shows(/#2 wait 60s went to worker-\d: first-free/);
    expect(seen).toMatch(/#1 wait 60s went to worker-\d: first-free/);

    // Typed while the picture is drawn again and again, and while lines are said.
    terminal.press('add 5 prio');
    await terminal.shows(/^offhand> add 5 prio$/m);
    const first = /worker-1 +#\d wait 60s, (\d+)\.\d s left/.exec(
      await terminal.shows(/^queue +1: #3 wait 60s$/m),
    )?.[1];
    const later = await terminal.shows(
      new RegExp(`worker-1 +#\\d wait 60s, (?!${first}\\.)\\d+\\.\\d s left`),
    );
    expect(later).toMatch(/^offhand> add 5 prio$/m);
    expect(later.split('\n')[0]).toMatch(/^worker-1/);
    terminal.press('rity=', '7', 'Enter');
    await terminal.shows(/^queue +2: #4 wait 5s, #3 wait 60s$/m);

    terminal.press('cancel 1', 'Enter');
    await terminal.shows(/^#1 wait 60s cancelled$/m);
    await terminal.shows(/^#4 wait 5s went to worker-\d: /m);
    terminal.press('Up', 'Up');
    await terminal.shows(/^offhand> add 5 priority=7$/m);
    terminal.press('C-u', 'dr', 'Tab');
    await terminal.shows(/^offhand> drain$/m);
    terminal.press('worker-2', 'C-u', 'scale 3', 'Enter');
    await terminal.shows(/^worker-3 +/m);
    terminal.press('nonsense', 'Enter');
    await terminal.shows(/^nonsense: no such command; there are add/m);
    terminal.press('quit', 'Enter');
    await terminal.ended();
    await sandbox.whenEmpty();
  },
);

testWith('tmux')('it joins the pool that runs, which goes on when the console has gone', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--no-http']);
  const terminal = consoleIn(sandbox);
  await terminal.shows(new RegExp(`^1 worker: the pool, at \\S+:${server.port};`, 'm'));
  terminal.press('add primes 1000', 'Enter');
  await terminal.shows(/^#1 primes 1000 succeeded: 168$/m);
  terminal.press('policy round-robin', 'Enter');
  await terminal.shows(/^round-robin from now on$/m);
  terminal.press('C-c');
  await terminal.ended();
  expect((await server.status()).workers).toMatchObject([{ worker: 'worker-1', completed: 1 }]);
  await server.stop();
});

test('--script runs commands from a file, and without a terminal the picture is a line', async () => {
  await using sandbox = new Sandbox();
  writeFileSync(
    sandbox.path('demo.txt'),
    `watch  # a line a second
    add 2x3s priority=3
    policy least-remaining
    drain
    drain worker-9
    wait
    add 100ms
    wait
    status
    quit
    add 1`,
  );
  const ended = await offhand(sandbox, ['console', '--workers', '2', '--script', 'demo.txt']);
  expect(ended).toMatchObject({ code: 1, stderr: '' });
  expect(ended.stdout).toMatch(/^drain: expected/m);
  expect(ended.stdout).toMatch(/^drain: there is no worker worker-9; there are worker-1, worker-2$/m);
  expect(ended.stdout).not.toContain('worker-9 takes');
  expect(ended.stdout).toMatch(/^2 workers: a pool of its own, first-free, at /);
  expect(ended.stdout).toMatch(
    /^worker-1 #\d wait 3s, \d\.\d s left \| worker-2 #\d wait 3s, \d\.\d s left \| queue empty$/m,
  );
  expect(ended.stdout).toMatch(/^least-remaining from now on$/m);
  expect(ended.stdout).toMatch(
    /^#3 wait 0\.1s went to worker-\d: (least-remaining|the queue had its slot already)/m,
  );
  expect(ended.stdout).toMatch(/^2 workers, \d busy, 0 waiting$/m);
  expect(ended.stdout).not.toContain('#4');
  expect(sandbox.processes()).toEqual([]);
});

test('a file without a refused command ends with 0; one that is not there is told', async () => {
  await using sandbox = new Sandbox();
  writeFileSync(sandbox.path('fine.txt'), 'add 10ms\nwait\n');
  expect(await offhand(sandbox, ['console', '--workers', '1', '--script', 'fine.txt'])).toMatchObject({
    code: 0,
  });
  const refused = await offhand(sandbox, ['console', '--script', 'none.txt']);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^offhand: --script none\.txt: there is no such file$/m);
});

test('commands that are in the pipe before the pool is there are run, each once', async () => {
  await using sandbox = new Sandbox();
  const piped = `printf 'add 10ms\\nwait\\nquit\\n' | ${process.execPath} ${MAIN} console --workers 1`;
  const { code, stdout, stderr } = await run(sandbox, 'sh', ['-c', piped]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.match(/^offhand> .*$/gm)).toEqual(['offhand> add 10ms', 'offhand> wait', 'offhand> quit']);
  expect(stdout).toMatch(/^#1 wait 0\.01s succeeded$/m);
});
