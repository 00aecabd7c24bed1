import { afterAll, describe, expect, test } from '@jest/globals';
import { inProcess } from '../support/in-process.js';
import { Sandbox } from '../support/sandbox.js';

const COMMANDS = [
  'server',
  'status',
  'run',
  'stop',
  'grapher',
  'replay',
  'worker',
  'scale',
  'drain',
  'token',
  'submit',
  'tasks',
  'result',
  'cancel',
  'retry',
];

const sandbox = new Sandbox();
afterAll(() => sandbox[Symbol.asyncDispose]());

async function help(args: string[]): Promise<string> {
  const printed = await inProcess(args, sandbox.env);
  expect(printed).toMatchObject({ code: 0, stderr: '' });
  return printed.stdout;
}

/** The one sentence that a command is refused with. */
async function refusal(...args: string[]): Promise<string> {
  const printed = await inProcess(args, sandbox.env);
  expect(printed).toMatchObject({ code: 1, stdout: '' });
  expect(printed.stderr).toMatch(/^offhand: .+\n$/);
  return printed.stderr.trimEnd();
}

describe('--help', () => {
  test.each(COMMANDS)('of %s has an example', async (command) => {
    const text = await help([command, '--help']);
    expect(text).toContain(`offhand ${command}`);
    expect(text).toMatch(/Examples:\n.*\S/);
  });

  test('lists every command', async () => {
    const text = await help(['--help']);
    for (const command of COMMANDS) expect(text).toContain(`offhand ${command}`);
  });
});

test('--version is that of the package', async () => {
  expect(await help(['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('a command is refused in one sentence', () => {
  test('when there is none of that name, or no name at all', async () => {
    expect(await refusal('nonsense')).toMatch(/command.*nonsense|nonsense.*command/);
    expect(await refusal()).toContain('offhand --help');
  });

  test('when a flag is unknown', async () => {
    expect(await refusal('status', '--nonsense')).toContain('nonsense');
  });

  test('when a word is left over, which happens where npm swallows flags: it names --', async () => {
    expect(await refusal('server', '2', '7000')).toMatch(/7000.* -- /);
    expect(await refusal('stop', 'now')).toContain('now');
  });

  test('when a flag is given twice', async () => {
    // Whether the last one wins or both are refused: the words are about the flag, not about our code.
    const twice = (flag: string, value: string) => [flag, value, flag, value];
    expect(await refusal('server', '2', ...twice('--worker-ports', 'x'))).toContain('--worker-ports');
    expect(await refusal('status', ...twice('--address', 'http://x'))).toContain('address');
    expect(await refusal('run', 'f.mjs#add', ...twice('--timeout', 'x'))).not.toContain('is not a function');
  });

  test('when the number of workers is none', async () => {
    for (const typed of ['0', 'x', '100000', '-1', '']) {
      expect(await refusal('server', typed)).toMatch(
        /^offhand: workers: expected a whole number from 1 to \d+/,
      );
    }
  });

  test('when no pool is where it was looked for', async () => {
    expect(await refusal('status')).toMatch(/no pool runs on this machine.*`offhand server`/);
    expect(await refusal('stop')).toMatch(/no pool runs on this machine/);
    expect(await refusal('status', '--address', 'localhost:1')).toMatch(/no pool answers at localhost:1/);
    for (const address of ['http://localhost', 'x:99999', '', ':5']) {
      expect(await refusal('status', '--address', address)).toMatch(/expected HOST:PORT/);
    }
  });

  test('when there is nothing to run, or an argument is no JSON', async () => {
    expect(await refusal('run')).toMatch(/^offhand: /);
    expect(await refusal('run', 'missing.mjs#add')).toContain('missing.mjs: there is no such file');
    expect(await refusal('run', 'f.mjs#add', 'abc')).toMatch(/argument 1: expected JSON, got abc; .*'"abc"'/);
  });
});
