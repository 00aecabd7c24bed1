import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { messageOf, PoolError } from '../core/errors.js';
import { POLICIES } from '../core/scheduler/placement.js';
import { type Recorded, type RecordHead, Replay } from '../core/scheduler/replay.js';

interface Arguments {
  file: string;
  json: boolean;
}

/** What came of a replay. */
interface Outcome {
  events: number;
  grants: number;
  same: boolean;
  /** The first decision that differs. */
  difference?: { line: number; then: unknown; now: unknown };
  /** Whether the last line is cut off, as when the server was killed. */
  cut: boolean;
}

export const replayCommand: CommandModule<object, Arguments> = {
  command: 'replay <file>',
  describe: 'Tell a recorded event log to the scheduler again, and compare what it decides',
  builder: (argv: Argv) =>
    argv
      .positional('file', { type: 'string', demandOption: true, describe: 'what server --event-log wrote' })
      .option('json', { type: 'boolean', default: false, describe: 'print the outcome for programs' })
      .example('$0 replay events.jsonl', 'the same decisions?'),
  handler: async ({ file, json }: ArgumentsCamelCase<Arguments>) => {
    const outcome = await replayFile(file);
    console.log(json ? JSON.stringify(outcome, null, 2) : inWords(outcome));
    if (!outcome.same) process.exitCode = 1;
  },
};

async function replayFile(file: string): Promise<Outcome> {
  let replay: Replay | undefined;
  let line = 0;
  let damaged: PoolError | undefined;
  for await (const text of linesOf(file)) {
    line += 1;
    if (damaged) throw damaged; // Only the last line may be cut off.
    const value = parsed(text);
    if (!replay) replay = new Replay(headOf(value, file));
    else if (!isRecorded(value)) damaged = notRecorded(file, line);
    else {
      const now = replay.step(value);
      const { events, grants } = replay;
      if (now)
        return { events, grants, same: false, difference: { line, then: value.commands, now }, cut: false };
    }
  }
  if (!replay) throw new PoolError('invalid-argument', `${file}: expected an event log, got an empty file`);
  return { events: replay.events, grants: replay.grants, same: true, cut: damaged !== undefined };
}

/** @throws PoolError `invalid-argument` where the file cannot be read */
async function* linesOf(file: string): AsyncGenerator<string, void, void> {
  try {
    yield* createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    throw new PoolError('invalid-argument', `${file} cannot be read (${messageOf(error)})`, { cause: error });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // Told by whoever expected something.
  }
}

function headOf(value: unknown, file: string): RecordHead {
  const head = (value ?? {}) as Partial<RecordHead> & { offhand?: unknown };
  const { epoch, policy } = head;
  if (head.offhand === 'events' && Number.isInteger(epoch) && POLICIES.some((name) => name === policy))
    return head as RecordHead;
  throw new PoolError(
    'invalid-argument',
    `${file}: expected what \`offhand server --event-log\` wrote, got another first line`,
  );
}

function isRecorded(value: unknown): value is Recorded {
  const { at, event, commands } = (value ?? {}) as Partial<Recorded>;
  return typeof at === 'number' && typeof event?.type === 'string' && Array.isArray(commands);
}

function notRecorded(file: string, line: number): PoolError {
  return new PoolError('invalid-argument', `${file}, line ${line}: expected an event of the scheduler`);
}

function inWords({ events, grants, difference, cut }: Outcome): string {
  const count = `${events.toLocaleString('en')} events, ${grants.toLocaleString('en')} grants`;
  const end = cut ? ' The last line is cut off, and was left out.' : '';
  if (!difference) return `${count}: the same decisions.${end}`;
  const { line, then, now } = difference;
  return `${count}: another decision at line ${line}.\n  then  ${JSON.stringify(then)}\n  now   ${JSON.stringify(now)}`;
}
