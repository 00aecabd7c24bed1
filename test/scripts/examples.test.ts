import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Command, MAIN, offhand, ROOT, run } from '../support/cli.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';
import { Jobs } from './folder.js';

const EXAMPLES = join(ROOT, 'examples', 'scripts');

testWith('python3')(
  'the examples compute what they should, in JavaScript and in Python alike',
  async () => {
    await using sandbox = new Sandbox();
    const ended = await offhand(sandbox, ['scripts', EXAMPLES]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const printed = (name: string) =>
      readFileSync(sandbox.path('result', 'scripts', name, 'stdout'), 'utf8')
        .replaceAll(',', '')
        .trim();
    expect(readdirSync(sandbox.path('result', 'scripts'))).toEqual(readdirSync(EXAMPLES));
    for (const ending of ['js', 'py']) {
      expect(printed(`primes.${ending}`)).toBe('148933 primes below 2000000');
      expect(printed(`fibonacci.${ending}`)).toBe('fibonacci(35) is 9227465');
      expect(printed(`matrix.${ending}`)).toBe(
        'the product of two matrices of 1000 by 1000 sums up to 5141138000',
      );
    }
  },
  120_000,
);

testWith('script', 'python3')(
  'on a terminal there is a table of what runs, with the last line it printed, and a bar',
  async () => {
    await using jobs = new Jobs({
      'a.sh': 'echo working on it; while ! grep -q seen ../../../../seen; do sleep 0.05; done',
      'b.sh': `printf 'a \\033[2J trick\\n' >&2; exit 3`,
    });
    writeFileSync(jobs.path('seen'), '');
    const line = `stty cols 100 rows 30; '${process.execPath}' '${MAIN}' scripts jobs --workers 1`;
    const command = new Command('script', ['-qec', line, '/dev/null'], jobs, { TERM: 'xterm' });
    await waitFor('the table', () => /a\.sh +running +worker-1 .*working on it/.test(command.stdout));
    expect(command.stdout).toMatch(/░ 0 of 2 scripts, 1 waiting/);
    writeFileSync(jobs.path('seen'), 'seen');
    expect(await command.ended).toEqual({ code: 1, signal: null });
    await waitFor('all of it', () => command.stdout.includes('1 succeeded, 1 failed'));
    expect(command.stdout).toMatch(/█ 2 of 2 scripts, 1 failed/);
    expect(command.stdout).not.toContain('\u001b[2J trick');
    expect((await run(jobs, 'python3', ['-m', 'zipfile', '-t', 'result/result.zip'])).code).toBe(0);
  },
);
