import { parseDurationMs } from '../../core/duration.js';
import { PoolError } from '../../core/errors.js';
import { POLICIES, type PolicyName } from '../../core/scheduler/placement.js';
import { checkPriority } from '../../core/wishes.js';

/** What a task of the console does. */
export type Work = { kind: 'wait'; ms: number } | { kind: 'primes'; below: number };

/** A line that was typed. */
export type ConsoleCommand =
  | { kind: 'add'; count: number; work: Work; priority: number | undefined }
  | { kind: 'priority'; priority: number }
  | { kind: 'cancel'; task: string }
  | { kind: 'scale'; workers: number }
  | { kind: 'drain'; worker: string }
  | { kind: 'policy'; policy: PolicyName | undefined }
  | { kind: 'status' | 'watch' | 'wait' | 'help' | 'quit' | 'nothing' };

export const HELP = `add 5                a task of five seconds (500ms, 2s, 1m)
add 3x2s             three tasks of two seconds
add primes 200000    a task that counts the primes below it; 4xprimes too
add 5 priority=10    before others that wait, -100 to 100
priority 10          of what is added from now on
cancel 7             the task of that number
scale 6              so many workers from now on
drain worker-2       let it finish, and leave the pool
policy               how a worker is chosen; policy least-remaining: choose so
status               workers and queue, once
watch                the live view on, or off
wait                 until all tasks of this console have ended
help, quit`;

const WORDS = [
  'add',
  'priority',
  'cancel',
  'scale',
  'drain',
  'policy',
  'status',
  'watch',
  'wait',
  'help',
  'quit',
] as const;
const MOST_TASKS = 10_000;

/** @throws PoolError `invalid-argument`, in one sentence */
export function parseCommand(line: string): ConsoleCommand {
  const [word = '', ...rest] = line.replace(/#.*$/, '').trim().split(/\s+/);
  const [first = ''] = rest;
  switch (word) {
    case '':
      return { kind: 'nothing' };
    case 'add':
      return parseAdd(rest);
    case 'priority':
      return { kind: 'priority', priority: priorityFrom(first) };
    case 'cancel':
      if (!/^\d+$/.test(first)) throw refusal('cancel: expected the number of a task, such as cancel 7');
      return { kind: 'cancel', task: first };
    case 'scale':
      return { kind: 'scale', workers: wholeFrom('scale', first, 0) };
    case 'drain':
      if (!first) throw refusal('drain: expected the name of a worker, such as drain worker-2');
      return { kind: 'drain', worker: first };
    case 'policy':
      return { kind: 'policy', policy: policyFrom(first) };
    case 'status':
    case 'watch':
    case 'wait':
    case 'help':
    case 'quit':
      return { kind: word };
    default:
      throw refusal(`${word}: no such command; there are ${WORDS.join(', ')}`);
  }
}

function parseAdd(words: string[]): ConsoleCommand {
  const given = words.find((word) => word.startsWith('priority='));
  const priority = given === undefined ? undefined : priorityFrom(given.slice('priority='.length));
  const [what = '', number = '', ...more] = words.filter((word) => word !== given);
  const [, times = '1', kind = ''] = /^(?:(\d+)x)?(.*)$/.exec(what) ?? [];
  if (kind === '' || more.length > 0 || (number !== '' && kind !== 'primes'))
    throw refusal('add: expected a duration or primes N, such as add 5, add 3x2s, add primes 200000');
  const count = wholeFrom('add', times, 1);
  if (count > MOST_TASKS) throw refusal(`add: expected at most ${MOST_TASKS} tasks at once, got ${count}`);
  const work: Work =
    kind === 'primes'
      ? { kind: 'primes', below: wholeFrom('add primes', number, 2) }
      : { kind: 'wait', ms: secondsFrom(kind) };
  return { kind: 'add', count, work, priority };
}

/** Here a bare number is seconds: it is typed by people, by the dozen. */
function secondsFrom(text: string): number {
  return parseDurationMs(/^[\d.]+$/.test(text) ? `${text}s` : text, 'add');
}

function priorityFrom(text: string): number {
  checkPriority(/^-?\d+$/.test(text) ? Number(text) : text, 'priority');
  return Number(text);
}

function wholeFrom(name: string, text: string, least: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least) return number;
  throw refusal(`${name}: expected a whole number from ${least}, got ${JSON.stringify(text)}`);
}

function policyFrom(text: string): PolicyName | undefined {
  if (text === '') return undefined;
  const policy = POLICIES.find((name) => name === text);
  if (policy) return policy;
  throw refusal(`policy: expected ${POLICIES.join(', ')}, got ${text}`);
}

function refusal(message: string): PoolError {
  return new PoolError('invalid-argument', message);
}

/** How a task is called. */
export function nameOf(work: Work): string {
  return work.kind === 'wait' ? `wait ${work.ms / 1_000}s` : `primes ${work.below}`;
}

/** What the word at the end of a line can become, and that word; for readline. */
export function complete(line: string, workers: readonly string[]): [string[], string] {
  const words = line.trimStart().split(/\s+/);
  const last = words.at(-1) ?? '';
  const choices: Record<string, readonly string[]> = {
    add: ['primes', 'priority='],
    drain: workers,
    policy: POLICIES,
  };
  const possible = words.length === 1 ? WORDS : (choices[words[0] ?? ''] ?? []);
  const fitting = possible.filter((word) => word.startsWith(last));
  return [fitting.map((word) => (word.endsWith('=') ? word : `${word} `)), last];
}
