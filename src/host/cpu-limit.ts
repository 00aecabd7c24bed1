import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The number of cores that may really be used: containers are often given less than the machine has (cgroup v2). */
export function usableCores(cores = availableParallelism(), file = '/sys/fs/cgroup/cpu.max'): number {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return cores; // No cgroup, no limit.
  }
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  if (!quota || !period) return cores; // "max 100000"
  return Math.max(1, Math.min(cores, Math.floor(quota / period)));
}
