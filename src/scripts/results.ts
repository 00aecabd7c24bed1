import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PoolError } from '../core/errors.js';
import type { Failure } from './script.js';

export const RESULTS_FILE = 'results.json';
export const ARCHIVE_FILE = 'result.zip';
/** Raised when a program that reads the document would misread it. */
const VERSION = 1;

export type ScriptState = 'succeeded' | 'failed' | 'cancelled';

/** Something that a script has written. */
export interface WrittenFile {
  /** Its path within the script's own folder. */
  name: string;
  /** Of a symlink: that of its target's name. */
  bytes: number;
  /** What a symlink says; it is stored so, and never followed. */
  link?: string;
  /** Why it is not in the archive. */
  leftOut?: string;
}

/** What became of one script; so it stands in results.json. */
export interface ScriptResult {
  name: string;
  /** SHA-256 of its text. */
  hash: string;
  state: ScriptState;
  exitCode: number | null;
  signal: string | null;
  /** Of the last attempt, in ms; null where none began. */
  ms: number | null;
  attempts: number;
  worker: string | null;
  failure: Failure | null;
  /** The end of what it wrote to stderr, where it failed. */
  stderr: string;
  files: WrittenFile[];
  /** It succeeded in an earlier run, and was not run again. */
  kept: boolean;
}

/** The document results.json. */
export interface Results {
  version: number;
  /** The folder of the scripts. */
  dir: string;
  startedAt: string;
  isSequential: boolean;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** From the first script's beginning to the last one's end, in ms. */
  executionMs: number;
  /** Null in the copy that the archive holds. */
  packagingMs: number | null;
  /** What the scripts that ran took together, in ms. */
  sumMs: number;
  /** With --compare: the same scripts one after another, in ms. */
  sequentialMs: number | null;
  /** What the function of --post returned, or why it failed. */
  post: { result: unknown } | { error: string } | null;
  scripts: ScriptResult[];
}

/** @throws PoolError `invalid-argument` when there is something else of that name */
export async function readResults(folder: string): Promise<Results | undefined> {
  const file = join(folder, RESULTS_FILE);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const results = JSON.parse(text) as Results;
    if (results.version === VERSION && Array.isArray(results.scripts)) return results;
  } catch {
    // Said below.
  }
  throw new PoolError(
    'invalid-argument',
    `${file} is not the results of scripts that this version knows; remove it, or name another folder by --out`,
  );
}

/** @param sequentialMs what the same took one after another, if that was measured */
export function makeResults(
  dir: string,
  scripts: ScriptResult[],
  times: Pick<Results, 'startedAt' | 'isSequential' | 'executionMs' | 'sequentialMs'>,
): Results {
  const count = (state: ScriptState) => scripts.filter((script) => script.state === state).length;
  return {
    version: VERSION,
    dir,
    ...times,
    succeeded: count('succeeded'),
    failed: count('failed'),
    cancelled: count('cancelled'),
    packagingMs: null,
    sumMs: sumOf(scripts),
    post: null,
    scripts,
  };
}

function sumOf(scripts: readonly ScriptResult[]): number {
  return scripts.reduce((sum, { kept, ms }) => sum + (kept ? 0 : (ms ?? 0)), 0);
}
