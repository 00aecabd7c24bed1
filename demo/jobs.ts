import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { countPrimes, fibonacci, measureFiles, multiplyRows } from './work.js';

/** One call of the demonstration. */
export interface Job {
  kind: Kind;
  argument: unknown;
}

export type Kind = keyof typeof FUNCTIONS;

export const FUNCTIONS = {
  files: measureFiles,
  primes: countPrimes,
  fibonacci,
  matrix: multiplyRows,
} as const;

const PRIMES_BELOW = 2_000_000;
const MATRIX_SIZE = 1_000;
const FIBONACCI_OF = 35;
/** Files go out in groups of about this many bytes, so that one call is worth its way. */
const GROUP_BYTES = 1_000_000;
const SUFFIXES = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.json', '.md', '.txt', '.map'];

/** All the work: groups of files up to `totalBytes`, and system-size computations cut into parts. */
export function makeJobs(folder: string, totalBytes: number): { jobs: Job[]; files: number; bytes: number } {
  const groups = groupFiles(folder, totalBytes);
  const jobs: Job[] = groups.map((group) => ({ kind: 'files', argument: group.paths }));
  for (let i = 0; i < 20; i++) {
    jobs.push({ kind: 'primes', argument: [(i * PRIMES_BELOW) / 20, ((i + 1) * PRIMES_BELOW) / 20] });
  }
  for (let i = 0; i < 10; i++) {
    jobs.push({
      kind: 'matrix',
      argument: [(i * MATRIX_SIZE) / 10, ((i + 1) * MATRIX_SIZE) / 10, MATRIX_SIZE],
    });
  }
  jobs.push({ kind: 'fibonacci', argument: FIBONACCI_OF });
  const files = groups.reduce((sum, group) => sum + group.paths.length, 0);
  const bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
  return { jobs, files, bytes };
}

interface Group {
  paths: string[];
  bytes: number;
}

function groupFiles(folder: string, totalBytes: number): Group[] {
  const groups: Group[] = [];
  let group: Group = { paths: [], bytes: 0 };
  let left = totalBytes;
  // Workers of a server have working folders of their own.
  for (const path of textFiles(resolve(folder))) {
    const { size } = statSync(path);
    if (size === 0 || size > GROUP_BYTES) continue;
    if (left < size) break;
    left -= size;
    group.paths.push(path);
    group.bytes += size;
    if (group.bytes < GROUP_BYTES) continue;
    groups.push(group);
    group = { paths: [], bytes: 0 };
  }
  if (group.paths.length > 0) groups.push(group);
  return groups;
}

/** In a fixed order, so that every run does the same work. */
function* textFiles(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* textFiles(path);
    else if (entry.isFile() && SUFFIXES.some((suffix) => entry.name.endsWith(suffix))) yield path;
  }
}
