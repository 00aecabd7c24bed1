import { resolve } from 'node:path';
import { build } from 'esbuild';

const SHARED = { bundle: true, platform: 'node', target: 'node20', logLevel: 'warning' } as const;

/** What is loaded into the coordinator of a soak. */
export async function buildHeapProbe(folder: string): Promise<string> {
  const probe = resolve(folder, 'heap-probe.cjs');
  await build({ ...SHARED, entryPoints: ['chaos/heap-probe.ts'], outfile: probe, format: 'cjs' });
  return probe;
}

/** What runs in other processes: the client's program, and what tasks load in the threads of the workers. */
export async function buildParts(folder: string): Promise<{ client: string; recorder: string }> {
  const client = resolve(folder, 'client.mjs');
  const recorder = resolve(folder, 'recorder.cjs');
  await build({
    ...SHARED,
    entryPoints: ['chaos/client.ts'],
    outfile: client,
    format: 'esm',
    packages: 'external',
  });
  await build({ ...SHARED, entryPoints: ['chaos/recorder.ts'], outfile: recorder, format: 'cjs' });
  return { client, recorder };
}
