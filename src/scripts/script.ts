import type { Header } from './header.js';

/** A script that was found. */
export interface Script {
  /** Its path within the folder, with `/` between the parts. */
  name: string;
  /** Absolute. */
  file: string;
  /** SHA-256 of its text, in hex. */
  hash: string;
  /** What runs it: by its ending, or by its first line. */
  start: Start;
  header: Header;
}

/** How a script is started. */
export type Start =
  | { kind: 'node' }
  /** Compiled to JavaScript first. */
  | { kind: 'typescript' }
  /** By a program, with these words before the file's name. */
  | { kind: 'program'; program: string; words: string[] };

/** One script, as the function on the worker is told of it. All paths are absolute. */
export interface Job {
  name: string;
  /** What is run: the script, or what was compiled from it. */
  file: string;
  /** The folder where the script stands. */
  scriptDir: string;
  /** Empty for Node.js, which is the worker's own. */
  program: string;
  words: string[];
  /** Where `stdout` and `stderr` are written, and `files/`, the folder where it runs. Made anew for each attempt. */
  folder: string;
  /** Where it runs. */
  cwd: string;
  timeoutMs: number | null;
  maxOutputBytes: number;
  env: Record<string, string>;
}

/** How an attempt at a script ended, as the worker saw it. */
export interface Ran {
  code: number | null;
  signal: string | null;
  ms: number;
  attempt: number;
  workerId: string;
  /** Null where it succeeded. */
  failure: Failure | null;
}

/** Why a script failed. `lost`: its worker, more often than its retries allow; `error`: of the pool. */
export interface Failure {
  kind: 'exit' | 'signal' | 'timeout' | 'output' | 'not-started' | 'not-compiled' | 'lost' | 'error';
  message: string;
}

/** What the worker tells while it runs, as JSON in the note of its progress. */
export interface Note {
  /** Which of its jobs it is on. */
  index: number;
  attempt: number;
  workerId: string;
  /** Of the script's process, which leads a group of its own. */
  pid: number | null;
  /** The last line of its output. */
  line: string;
}
