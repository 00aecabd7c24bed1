import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from '../index.js';
import { messageOf, PoolError } from '../core/errors.js';
import { listFiles } from './archive.js';
import { compileScript } from './compile.js';
import type { ScriptResult } from './results.js';
import type { Failure, Job, Ran, Script } from './script.js';

/** Told what happens while scripts run. */
export interface Listener {
  /** A script has begun, or begun again: attempts count from 1. */
  started?(script: Script, worker: string, attempt: number): void;
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

/** The first line says what is wrong; the rest, which shows where, stands where stderr would. */
export function notCompiled(script: Script, { kind, message }: Failure): ScriptResult {
  const [first = '', ...rest] = message.split('\n');
  return { ...unrun(script), state: 'failed', failure: { kind, message: first }, stderr: rest.join('\n') };
}

/**
 * What became of a script.
 *
 * @param ran how its last attempt ended; undefined where that is not known, and `why` says what came of the call instead
 */
export async function resultOf(
  script: Script,
  ran: Ran | undefined,
  why: unknown,
  { attempts, workerId }: { attempts: number; workerId: string | undefined },
  around: Surroundings,
): Promise<ScriptResult> {
  const folder = join(around.folder, script.name);
  const files = around.isInPlace ? [] : await listFiles(join(folder, 'files'));
  if (!ran) {
    const worker = workerId === undefined ? null : around.nameOf(workerId);
    const seen = { ...unrun(script), attempts, worker, files, stderr: await endOf(join(folder, 'stderr')) };
    if (around.signal.aborted) return seen;
    return {
      ...seen,
      state: 'failed',
      failure: { kind: isLoss(why) ? 'lost' : 'error', message: messageOf(why) },
    };
  }
  return {
    ...unrun(script),
    state: ran.failure ? 'failed' : 'succeeded',
    exitCode: ran.code,
    signal: ran.signal,
    ms: Math.round(ran.ms),
    attempts,
    worker: around.nameOf(ran.workerId),
    failure: ran.failure,
    stderr: ran.failure ? await endOf(join(folder, 'stderr')) : '',
    files,
  };
}

export function isLoss(why: unknown): boolean {
  return why instanceof PoolError && why.code === 'worker-lost';
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
