import { existsSync, readFileSync } from 'node:fs';

// Functions for a pool that leave a line for every attempt at them, with the pid of its worker.

/** Returns at once. */
export const touch = (file: string): number => {
  process.getBuiltinModule('node:fs').appendFileSync(file, `${process.pid}\n`);
  return process.pid;
};

/** Returns when there is a file named `gate`, whatever it is sent besides. */
export const hold = async (file: string, gate: string, _more?: Uint8Array): Promise<number> => {
  const { appendFileSync, existsSync } = process.getBuiltinModule('node:fs');
  appendFileSync(file, `${process.pid}\n`);
  while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 10));
  return process.pid;
};

/** Keeps its thread busy for so long. */
export const spin = (file: string, ms: number): number => {
  process.getBuiltinModule('node:fs').appendFileSync(file, `${process.pid}\n`);
  const end = performance.now() + ms;
  while (performance.now() < end);
  return process.pid;
};

/** The pids of the workers that the attempts were made on. */
export function attemptsIn(file: string): number[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1).map(Number) : [];
}
