import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../test/support/wait.js';
import type { LiveMemory } from './heap-probe.js';

/** Of a process that has the probe, in MB: what is left when its garbage is collected. */
export async function liveMbOf(pid: number, folder: string): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  const file = join(folder, String(pid));
  const memory = await waitFor('the process to tell what it holds', () => read(file));
  rmSync(file);
  return (memory.heapUsed + memory.external) / 2 ** 20;
}

function read(file: string): LiveMemory | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LiveMemory;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined; // Not yet.
  }
}
