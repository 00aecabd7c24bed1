import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { type Change, CHANGES, type MissingRule } from './missing-rules.js';

// The checker is believed when it has been seen to fail. So that the product holds no switch for it, a broken one is
// compiled apart, from sources in which one rule is missing.

const ENTRIES = [
  'cli/main',
  'worker/process',
  'worker/slot-thread',
  'worker/isolated-thread',
  'queue/store-thread',
];

/** Compiles offhand without one of its rules. Returns its command. */
export async function buildWithout(rule: MissingRule, folder: string): Promise<string> {
  // As deep as dist/: what it reads beside itself is found by the same relative paths.
  mkdirSync(`${folder}/dist`, { recursive: true });
  for (const name of ['proto', 'package.json', 'dist/web']) symlinkSync(resolve(name), `${folder}/${name}`);
  const changes: readonly Change[] = CHANGES[rule];
  const done = new Set<Change>();
  await build({
    entryPoints: ENTRIES.map((entry) => `src/${entry}.ts`),
    outbase: 'src',
    outdir: `${folder}/dist`,
    bundle: true,
    splitting: true,
    chunkNames: 'parts/[name]-[hash]',
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    plugins: [
      {
        name: 'without-a-rule',
        setup: (plugin) => {
          plugin.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, 'utf8');
            for (const change of changes) {
              if (path !== resolve(change.file) || !contents.includes(change.text)) continue;
              contents = contents.replace(change.text, change.instead);
              done.add(change);
            }
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  for (const change of changes) {
    if (!done.has(change))
      throw new Error(`${change.file} no longer has what breaks ${rule}: ${change.text}`);
  }
  return resolve(folder, 'dist/cli/main.js');
}
