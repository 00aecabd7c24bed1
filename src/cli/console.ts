import { readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline/promises';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { findPool } from '../client/find-pool.js';
import { MAX_WORKERS } from '../core/autoscaler.js';
import { messageOf, PoolError } from '../core/errors.js';
import { POLICIES, type PolicyName } from '../core/scheduler/placement.js';
import { usableCores } from '../host/cpu-limit.js';
import { livePools } from '../host/pool-files.js';
import { checkToken, findToken } from '../host/token.js';
import { complete, parseCommand } from './console/commands.js';
import { PlainScreen, TerminalScreen } from './console/screen.js';
import { ConsoleSession, type Where } from './console/session.js';
import { leave } from './leave.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';
import { wholeNumber } from './flags/whole-number.js';

interface Arguments extends PoolArguments {
  workers: string | undefined;
  policy: PolicyName;
  script: string | undefined;
}

const PROMPT = 'offhand> ';

export const consoleCommand: CommandModule<object, Arguments> = {
  command: 'console',
  describe: 'Add tasks by hand, and see what the workers do',
  builder: (argv: Argv) =>
    argv
      .options(poolOptions)
      .option('workers', {
        type: 'string',
        describe: 'a pool of its own with so many  [default: the one that runs, else it asks]',
      })
      .option('policy', {
        choices: POLICIES,
        default: 'first-free' as const,
        describe: 'how a worker is chosen, in a pool of its own',
      })
      .option('script', { type: 'string', describe: 'file with commands, a line each, to run instead' })
      .example('$0 console', 'help lists its commands')
      .example('$0 console --workers 3 --policy least-remaining', 'a pool for this alone')
      .example(
        '$0 console --workers 2 --script demo.txt',
        'what was written down',
      ) as unknown as Argv<Arguments>,
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    const lines = args.script === undefined ? undefined : linesOf(args.script);
    const isTerminal = lines === undefined && Boolean(process.stdin.isTTY && process.stdout.isTTY);
    const completion = { workers: (): readonly string[] => [] };
    const open = () =>
      createInterface({
        input: process.stdin,
        output: process.stdout,
        terminal: isTerminal,
        prompt: PROMPT,
        completer: (line: string) => complete(line, completion.workers()),
      });
    // A pipe is opened last: it keeps its lines until somebody reads them, and an interface nobody listens to does not.
    let readline = isTerminal ? open() : undefined;
    const where = await whereFrom(args, readline);
    const screen = readline ? new TerminalScreen(process.stdout, readline) : new PlainScreen();
    const session = await ConsoleSession.open(where, screen, isTerminal);
    completion.workers = () => session.workers;
    let isFine: boolean;
    try {
      if (isTerminal) session.watch(true);
      isFine = await runLines(
        session,
        lines ?? typed((readline ??= open())),
        (text) => screen.say(text),
        isTerminal,
      );
    } finally {
      readline?.close();
      await session.close();
    }
    // Whoever types has seen what was refused; a file of commands should hold none.
    process.exitCode = isFine || isTerminal ? 0 : 1;
    await leave();
  },
};

/** @returns whether no command was refused. */
async function runLines(
  session: ConsoleSession,
  lines: AsyncIterable<string> | Iterable<string>,
  say: (text: string) => void,
  isTerminal: boolean,
): Promise<boolean> {
  let isFine = true;
  for await (const line of lines) {
    try {
      if (!isTerminal && line.trim() !== '') say(`${PROMPT}${line.trim()}`);
      if (!(await session.execute(parseCommand(line)))) break;
    } catch (error) {
      isFine = false;
      say(messageOf(error));
    }
  }
  return isFine;
}

async function* typed(readline: Interface): AsyncGenerator<string> {
  // Elsewhere each line is shown with its prompt when it is its turn.
  if (readline.terminal) readline.prompt();
  readline.on('SIGINT', () => readline.close());
  for await (const line of readline) {
    yield line;
    // What was typed in the meantime stays, and the cursor in it.
    if (readline.terminal) readline.prompt(true);
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'that is a folder' : messageOf(error);
    throw new PoolError('invalid-argument', `--script ${file}: ${why}`);
  }
}

async function whereFrom(
  { workers, policy, address, tlsCa }: Arguments,
  asked: Interface | undefined,
): Promise<Where> {
  if (workers !== undefined && address !== undefined)
    throw new PoolError(
      'invalid-argument',
      '--workers starts a pool, and --address names one; leave out one of them',
    );
  if (workers !== undefined)
    return { kind: 'own', workers: wholeNumber('--workers', workers, 1, MAX_WORKERS), policy };
  if (address !== undefined || process.env['OFFHAND_ADDRESS'] || livePools().length > 0) {
    const token = checkToken(findToken());
    const { at, tls } = await findPool(address, token, () => tlsFromFlag(tlsCa));
    return { kind: 'joined', address: at, credentials: { token, tls } };
  }
  const answer = (await asked?.question(`How many workers? [${usableCores()}] `))?.trim();
  const count = answer ? wholeNumber('workers', answer, 1, MAX_WORKERS) : usableCores();
  return { kind: 'own', workers: count, policy };
}
