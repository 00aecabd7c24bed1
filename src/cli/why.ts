import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import type { TaskExplanation, TimePhase } from '../client/submitted/task-explanation.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';

interface Arguments extends PoolArguments {
  id: string;
  json: boolean;
}

export const whyCommand: CommandModule<object, Arguments> = {
  command: 'why <id>',
  describe: 'Tell why a submitted task waits, or where its time went',
  builder: (argv: Argv) =>
    argv
      .positional('id', { type: 'string', demandOption: true, describe: 'as `offhand submit` printed it' })
      .options(poolOptions)
      .option('json', { type: 'boolean', default: false, describe: 'print one JSON document' })
      .example(
        '$0 why mws3yds4b9cb501d9ec6fca0',
        'of one that waits as of one that has ended',
      ) as unknown as Argv<Arguments>,
  handler: async ({ id, json, address, tlsCa }: ArgumentsCamelCase<Arguments>) => {
    await using pool = await connect(address, { tls: tlsFromFlag(tlsCa) });
    const explanation = await pool.task(id).explain();
    console.log(json ? JSON.stringify(explanation) : inWords(explanation));
  },
};

const WORDS: Record<TimePhase, string> = {
  'held-back': 'held back: being stored, delay, tasks before it, full group',
  line: 'in line',
  claim: 'in the store',
  placement: 'waiting for a worker',
  'earlier-attempts': 'earlier attempts',
  wire: 'on the wire',
  slot: 'behind others on the worker',
  decode: 'decoding its arguments',
  run: 'running',
};

export function inWords({ task, standing, worker, reason, spentMs, earlier }: TaskExplanation): string {
  const { name, state, attempt, failure } = task;
  const lines = [`${name} ${state}${attempt > 1 ? `, attempt ${attempt}` : ''}`];
  if (standing !== undefined) lines.push(worker === undefined ? `waits because: ${standing}` : standing);
  for (const { attempt: number, worker: where = 'no worker', code, message } of earlier)
    lines.push(`attempt ${number} on ${where} failed: ${code}: ${message}`);
  if (failure) lines.push(`${failure.code}: ${failure.message}`);
  if (worker !== undefined) lines.push(`on ${worker}${reason === undefined ? '' : `, ${reason}`}`);
  for (const [phase, ms] of Object.entries(spentMs))
    lines.push(`${ms.toFixed(3).padStart(14)} ms  ${WORDS[phase as TimePhase]}`);
  return lines.join('\n');
}
