import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import type { OnResolveArgs, Plugin, PluginBuild } from 'esbuild';
import { packageOf } from './imports.js';

/** Packages by which others find or build their native code; who depends on one has some. */
const LOADERS = [
  'bindings',
  'node-addon-api',
  'node-gyp-build',
  'node-pre-gyp',
  '@mapbox/node-pre-gyp',
  'prebuild-install',
];

/** Finds packages with native code, which cannot be bundled: they are loaded on the worker's side. */
export class NativePackages {
  /** Those that turned out to have some while they were bundled: the next round leaves them outside. */
  readonly names = new Set<string>();
  readonly #judged = new Map<string, boolean>();

  readonly plugin: Plugin = {
    name: 'native-packages',
    setup: (build) => {
      build.onResolve({ filter: /\.node$/ }, ({ path, importer }) => {
        const name = packageOf(importer);
        if (name) this.names.add(name);
        return { path, external: true };
      });
      build.onResolve({ filter: /^[^./]/ }, async (args) => {
        if (args.pluginData === this || args.kind === 'entry-point' || isBuiltin(args.path)) return undefined;
        return (await this.#isNative(build, args)) ? { path: args.path, external: true } : undefined;
      });
    },
  };

  async #isNative(build: PluginBuild, { path, kind, resolveDir, importer }: OnResolveArgs): Promise<boolean> {
    const found = await build.resolve(path, { kind, resolveDir, importer, pluginData: this });
    // What is not there is for esbuild to report, or to leave be where it stands in a `try`.
    if (found.errors.length > 0 || found.external) return false;
    if (found.path.endsWith('.node')) return true;
    const folder = packageFolder(found.path);
    if (folder === undefined) return false;
    let isNative = this.#judged.get(folder);
    if (isNative === undefined) this.#judged.set(folder, (isNative = hasNativeCode(folder)));
    return isNative;
  }
}

function packageFolder(file: string): string | undefined {
  const name = packageOf(file);
  if (name === undefined) return undefined;
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder))
    if (folder.replaceAll('\\', '/').endsWith(`node_modules/${name}`)) return folder;
  return undefined;
}

function hasNativeCode(folder: string): boolean {
  if (existsSync(join(folder, 'binding.gyp'))) return true;
  try {
    const {
      gypfile,
      binary,
      napi,
      dependencies = {},
    } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      gypfile?: unknown;
      binary?: unknown;
      napi?: unknown;
      dependencies?: Record<string, string>;
    };
    return Boolean(gypfile ?? binary ?? napi) || LOADERS.some((name) => name in dependencies);
  } catch {
    return false; // A package without a readable package.json is for esbuild to judge.
  }
}
