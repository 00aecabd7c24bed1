import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { connect } from '../client/connect.js';
import type { Pool } from '../client/pool.js';
import { startPool } from '../client/start-pool.js';
import { parseLimitMs } from '../core/duration.js';
import { MAX_WORKERS } from '../core/autoscaler.js';
import { PoolError } from '../core/errors.js';
import { parseSizeBytes } from '../core/size.js';
import { usableCores } from '../host/cpu-limit.js';
import { livePools } from '../host/pool-files.js';
import { ARCHIVE_FILE, type Results } from '../scripts/results.js';
import type { FolderOptions, Mode, PostProcess } from '../scripts/run-folder.js';
import { leave } from './leave.js';
import { loadExport } from './flags/load-export.js';
import { outputFolder } from './flags/output-folder.js';
import { type PoolArguments, poolOptions, tlsFromFlag } from './flags/pool-address.js';
import type { View } from './scripts-view.js';
import { wholeNumber } from './flags/whole-number.js';

interface Arguments extends PoolArguments {
  dir: string;
  out: string;
  workers: string | undefined;
  glob: string[] | undefined;
  recursive: boolean;
  cwd: 'own' | 'script';
  timeout: string | undefined;
  maxOutput: string;
  batch: string;
  order: 'name' | 'longest-first';
  resume: boolean;
  sequential: boolean;
  compare: boolean;
  post: string | undefined;
  json: boolean;
}

/** Larger numbers mean something else to shells. */
const MAX_EXIT_CODE = 100;
const INTERRUPTED = 130;

export const scriptsCommand: CommandModule<object, Arguments> = {
  command: 'scripts <dir>',
  describe: 'Run a folder of scripts, each as a process of its own, and package what they made',
  builder: (argv: Argv) =>
    argv
      .positional('dir', {
        type: 'string',
        demandOption: true,
        describe: 'the folder (.js .mjs .cjs .ts .py .sh, or executable with a first line #!…)',
      })
      .options(poolOptions)
      .option('out', { type: 'string', default: 'result', describe: 'folder for result.zip and the rest' })
      .option('workers', {
        type: 'string',
        describe: 'run on so many workers of its own  [default: on the pool that runs, else one per core]',
      })
      .option('glob', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: "only these: '*.py'; may be repeated",
      })
      .option('recursive', { type: 'boolean', default: false, describe: 'folders within it too' })
      .option('cwd', {
        choices: ['own', 'script'] as const,
        default: 'own' as const,
        describe: 'where a script runs: in a folder of its own, or where it stands',
      })
      .option('timeout', {
        type: 'string',
        describe: 'how long each may run: 500ms, 30s  [default: no limit]',
      })
      .option('max-output', { type: 'string', default: '1gb', describe: 'how much each may print' })
      .option('batch', { type: 'string', default: '1', describe: 'how many small scripts share a call' })
      .option('order', {
        choices: ['name', 'longest-first'] as const,
        default: 'name' as const,
        describe: 'which come first; longest-first by the times of the last run',
      })
      .option('resume', {
        type: 'boolean',
        default: false,
        describe: 'run only what failed, is missing or has changed since the last run',
      })
      .option('sequential', { type: 'boolean', default: false, describe: 'one after another' })
      .option('compare', {
        type: 'boolean',
        default: false,
        describe: 'first one after another, then in parallel',
      })
      .option('post', { type: 'string', describe: 'FILE#EXPORT, given all results before they are packaged' })
      .option('json', { type: 'boolean', default: false, describe: 'print results.json instead of a table' })
      .example('$0 scripts examples/scripts', 'the exit code is how many failed')
      .example("$0 scripts jobs --glob '*.py' --timeout 10m", 'limits, see docs/scripts.md')
      .example('$0 scripts jobs --resume', 'once more what failed') as unknown as Argv<Arguments>,
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    const options = optionsFrom(args);
    // No other command has to load what these do.
    const { ScriptFolder } = await import('../scripts/run-folder.js');
    const { summaryOf } = await import('./scripts-view.js');
    const workers =
      args.workers === undefined ? undefined : wholeNumber('--workers', args.workers, 1, MAX_WORKERS);
    const post = args.post === undefined ? undefined : await loadExport(args.post);
    const folder = await ScriptFolder.open(options);
    outputFolder(args.out, args.out, '--out', '');

    const interrupt = new AbortController();
    onInterrupt(() => interrupt.abort());
    await using where = await poolFor(args, workers, folder.count);
    const mode: Mode = args.compare ? 'compare' : args.sequential ? 'sequential' : 'parallel';
    const view = await viewFor(args.json);
    const run: PostProcess | undefined = post && ((results) => where.pool.run(post, results));
    const results = await folder.run(where, mode, run, interrupt.signal, view).finally(() => view.close());
    await where.pool.close();

    const archive = join(args.out, ARCHIVE_FILE);
    if (args.json) console.log(JSON.stringify(results, null, 2));
    else console.log(summaryOf(results, archive, (await stat(archive)).size));
    process.exitCode = interrupt.signal.aborted ? INTERRUPTED : exitCodeOf(results);
    await leave();
  },
};

function optionsFrom(args: Arguments): FolderOptions {
  if (args.sequential && args.compare)
    throw new PoolError('invalid-argument', '--compare does both; leave out --sequential');
  if (args.workers !== undefined && args.address !== undefined)
    throw new PoolError(
      'invalid-argument',
      '--workers starts a pool, and --address names one; leave out one of them',
    );
  if (args.resume && args.compare)
    throw new PoolError('invalid-argument', '--compare runs all scripts twice; leave out --resume');
  return {
    dir: args.dir,
    out: args.out,
    patterns: args.glob,
    isRecursive: args.recursive || (args.glob ?? []).some((pattern) => pattern.includes('/')),
    isInPlace: args.cwd === 'script',
    timeoutMs: args.timeout === undefined ? undefined : parseLimitMs(args.timeout, '--timeout'),
    maxOutputBytes: parseSizeBytes(args.maxOutput, '--max-output', 1_024),
    batch: wholeNumber('--batch', args.batch, 1, 10_000),
    isLongestFirst: args.order === 'longest-first',
    isResumed: args.resume,
    env: process.env,
  };
}

/** The pool that was named or runs already, else one for these scripts alone. */
async function poolFor(
  { address, tlsCa }: PoolArguments,
  workers: number | undefined,
  count: number,
): Promise<{ pool: Pool; isAlone: boolean } & AsyncDisposable> {
  const isThere = address !== undefined || Boolean(process.env['OFFHAND_ADDRESS']) || livePools().length > 0;
  const isAlone = workers !== undefined || !isThere;
  const pool = isAlone
    ? await startPool({ workers: workers ?? Math.max(1, Math.min(usableCores(), count)) })
    : await connect(address, { tls: tlsFromFlag(tlsCa) });
  return { pool, isAlone, [Symbol.asyncDispose]: () => pool.close() };
}

async function viewFor(isJson: boolean): Promise<View> {
  const { LiveView, PlainView } = await import('./scripts-view.js');
  if (isJson) return new PlainView(() => undefined);
  return process.stdout.isTTY ? new LiveView(process.stdout) : new PlainView((line) => console.log(line));
}

/** The first Ctrl-C stops what runs, and what there is by then is packaged; the second ends the command at once. */
function onInterrupt(stop: () => void): void {
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(INTERRUPTED);
      isStopping = true;
      stop();
    });
  }
}

function exitCodeOf({ failed, post }: Results): number {
  const isPostFailed = post !== null && 'error' in post;
  return Math.min(MAX_EXIT_CODE, failed + (isPostFailed ? 1 : 0));
}
