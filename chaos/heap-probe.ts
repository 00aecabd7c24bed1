// Loaded into a process before anything else: when that is asked by a signal, it collects its garbage and writes down what is
// left. Its resident memory would not tell: V8 keeps what it once had, and grows its heap as long as it finds that cheap.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a process still holds after its garbage was collected, in bytes. */
export interface LiveMemory {
  heapUsed: number;
  external: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  const { heapUsed, external }: LiveMemory = process.memoryUsage();
  const file = join(process.env['SOAK_HEAPS'] ?? '.', String(process.pid));
  // Whoever waits for the file finds it whole.
  writeFileSync(`${file}.draft`, JSON.stringify({ heapUsed, external }));
  renameSync(`${file}.draft`, file);
});
