import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallOptions, Pool } from '../index.js';
import { messageOf, PoolError } from '../core/errors.js';
import { listFiles } from './archive.js';
import { compileScript } from './compile.js';
import type { ScriptResult } from './results.js';
import { runScripts } from './run-scripts.js';
import type { Failure, Job, Note, Ran, Script } from './script.js';

/** Told what happens while scripts run. */
export interface Listener {
  /** A script has begun, or begun again. */
  started?(script: Script, worker: string): void;
  /** The last line of its output, when it is another one. */
  printed?(script: Script, line: string): void;
  ended?(result: ScriptResult): void;
}

/** What is the same for all scripts of a run. */
export interface Surroundings {
  pool: Pool;
  /** Where the folders of the scripts are. */
  folder: string;
  /** Where compiled scripts are kept for as long as they run. */
  compiled: string;
  /** Run scripts where they stand, not in a folder of their own. */
  isInPlace: boolean;
  /** Of scripts that do not say it themselves; no limit where undefined. */
  timeoutMs: number | undefined;
  maxOutputBytes: number;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  listener: Listener;
  /** The name of a worker, by its id. */
  nameOf: (workerId: string) => string;
}

/** How long code on a worker may take to end the group of a script: longer than the script itself may. */
const CANCEL_GRACE_MS = 3_000;
/** For how long the processes of cancelled scripts are awaited before what they wrote is packaged. */
const LAST_WAIT_MS = 5_000;
const STDERR_BYTES = 4 * 1024;

/** A script that can be sent, or why it cannot. */
export interface Prepared {
  script: Script;
  job: Job | Failure;
}

/** Compiles what has to be. Never throws for what is wrong with a script. */
export async function prepare(script: Script, around: Surroundings): Promise<Prepared> {
  try {
    return { script, job: await jobOf(script, around) };
  } catch (error) {
    return { script, job: { kind: 'not-compiled', message: messageOf(error) } };
  }
}

/** Runs scripts one after the other in a single call, and says what became of each. Never throws for what a script does. */
export async function runBatch(prepared: readonly Prepared[], around: Surroundings): Promise<ScriptResult[]> {
  const results: ScriptResult[] = [];
  const jobs: Job[] = [];
  const runnable: Script[] = [];
  for (const { script, job } of prepared) {
    if ('kind' in job) {
      results.push(tell(around, notCompiled(script, job)));
    } else {
      jobs.push(job);
      runnable.push(script);
    }
  }
  if (jobs.length === 0) return results;

  const pids = new Set<number>();
  const follower = new Follower(runnable, around, pids);
  const { header } = runnable[0]!;
  const options: CallOptions = {
    name: runnable.length === 1 ? runnable[0]!.name : `${runnable[0]!.name} and ${runnable.length - 1} more`,
    signal: around.signal,
    cancelGraceMs: CANCEL_GRACE_MS,
    logs: 'silent',
    onProgress: (_, note) => follower.hear(note),
    ...(header.priority !== undefined && { priority: header.priority }),
    ...(header.retries !== undefined && { retries: header.retries }),
  };
  const outcome = await around.pool
    .with(options)
    .run(runScripts, jobs)
    .catch((error: unknown) => ranOf(error) ?? error);
  if (around.signal.aborted) await Promise.all([...pids].map(groupEnd));
  for (const [index, script] of runnable.entries()) {
    const ran = Array.isArray(outcome) ? (outcome as Ran[])[index] : undefined;
    results.push(tell(around, await resultOf(script, ran, outcome, follower, around)));
  }
  return results;
}

function tell({ listener }: Surroundings, result: ScriptResult): ScriptResult {
  listener.ended?.(result);
  return result;
}

/** @throws Error when it cannot be compiled */
async function jobOf(script: Script, around: Surroundings): Promise<Job> {
  const { name, start, header } = script;
  const folder = join(around.folder, name);
  const scriptDir = join(script.file, '..');
  const file =
    start.kind === 'typescript' ? await compileScript(script.file, join(around.compiled, name)) : script.file;
  return {
    name,
    file,
    scriptDir,
    program: start.kind === 'program' ? start.program : '',
    words:
      start.kind === 'program' ? start.words : start.kind === 'typescript' ? ['--enable-source-maps'] : [],
    folder,
    cwd: around.isInPlace ? scriptDir : join(folder, 'files'),
    timeoutMs: header.timeoutMs ?? around.timeoutMs ?? null,
    maxOutputBytes: around.maxOutputBytes,
    env: { ...(around.env as Record<string, string>), OFFHAND_SCRIPT_DIR: scriptDir },
  };
}

/** Makes events of what the worker tells of a batch. */
class Follower {
  readonly #scripts: readonly Script[];
  readonly #around: Surroundings;
  readonly #pids: Set<number>;
  #seen = '';
  attempts = 0;
  workerId: string | undefined;

  constructor(scripts: readonly Script[], around: Surroundings, pids: Set<number>) {
    this.#scripts = scripts;
    this.#around = around;
    this.#pids = pids;
  }

  hear(text: string | undefined): void {
    const { index, attempt, workerId, pid, line } = JSON.parse(text ?? '{}') as Note;
    const script = this.#scripts[index];
    if (!script) return;
    this.attempts = attempt;
    this.workerId = workerId;
    if (pid !== null) this.#pids.add(pid);
    const { listener, nameOf } = this.#around;
    const begun = `${index} ${attempt}`;
    if (this.#seen !== begun) listener.started?.(script, nameOf(workerId));
    this.#seen = begun;
    if (line) listener.printed?.(script, line);
  }
}

/** What the function on the worker says of its only script, when that has failed. */
function ranOf(error: unknown): Ran[] | undefined {
  const { ran } = (error ?? {}) as { ran?: Ran };
  return ran && [ran];
}

function unrun({ name, hash }: Script): ScriptResult {
  return {
    name,
    hash,
    state: 'cancelled',
    exitCode: null,
    signal: null,
    ms: null,
    attempts: 0,
    worker: null,
    failure: null,
    stderr: '',
    files: [],
    kept: false,
  };
}

/** The first line says what is wrong, all of it stands where stderr would. */
function notCompiled(script: Script, { kind, message }: Failure): ScriptResult {
  const first = message.split('\n', 1)[0] ?? '';
  return { ...unrun(script), state: 'failed', failure: { kind, message: first }, stderr: message };
}

async function resultOf(
  script: Script,
  ran: Ran | undefined,
  outcome: unknown,
  { attempts, workerId }: Follower,
  around: Surroundings,
): Promise<ScriptResult> {
  const folder = join(around.folder, script.name);
  const files = around.isInPlace ? [] : await listFiles(join(folder, 'files'));
  if (!ran) {
    const worker = workerId === undefined ? null : around.nameOf(workerId);
    const seen = { ...unrun(script), attempts, worker, files, stderr: await endOf(join(folder, 'stderr')) };
    if (around.signal.aborted) return seen;
    const isLost = outcome instanceof PoolError && outcome.code === 'worker-lost';
    return {
      ...seen,
      state: 'failed',
      failure: { kind: isLost ? 'lost' : 'error', message: messageOf(outcome) },
    };
  }
  return {
    ...unrun(script),
    state: ran.failure ? 'failed' : 'succeeded',
    exitCode: ran.code,
    signal: ran.signal,
    ms: Math.round(ran.ms),
    attempts: ran.attempt,
    worker: around.nameOf(ran.workerId),
    failure: ran.failure,
    stderr: ran.failure ? await endOf(join(folder, 'stderr')) : '',
    files,
  };
}

/** The end of a file, from the beginning of a line; nothing where there is none. */
async function endOf(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined, // The script never came to write one.
  );
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(Math.min(size, STDERR_BYTES)),
      position: Math.max(0, size - STDERR_BYTES),
    });
    const text = buffer.toString('utf8', 0, bytesRead);
    const isCut = size > STDERR_BYTES;
    return (isCut ? `…${text.slice(text.indexOf('\n') + 1)}` : text).trimEnd();
  } finally {
    await file.close();
  }
}

/** Resolves when nobody is left in the group of a cancelled script, so that what it wrote can be packaged. */
async function groupEnd(pid: number): Promise<void> {
  const until = performance.now() + LAST_WAIT_MS;
  while (performance.now() < until) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    await delay(20);
  }
}
