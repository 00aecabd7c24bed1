import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type * as Esbuild from 'esbuild';
import type { BuildFailure, BuildOptions, Message, Metafile, OutputFile } from 'esbuild';
import { messageOf, PoolError } from '../../core/errors.js';
import { idOf } from '../../wire/functions/function-id.js';
import type { Part } from '../../wire/functions/parts.js';
import { circleIn, largestParts } from './imports.js';
import { keepMap } from './module-places.js';
import { NativePackages } from './native-packages.js';

/** How a module is bundled. */
export interface BundleSettings {
  /** Packages and files that are not bundled: they are loaded where the module runs. */
  external: readonly string[];
  /** Of the bundle, in bytes. */
  maxBytes: number;
}

/** A module with all that it imports, in one piece. */
export interface Bundle {
  part: Part;
  /** What it exports; undefined for a CommonJS module, which only says so when it runs. */
  exports: readonly string[] | undefined;
}

interface Kept {
  bundle: Promise<Bundle>;
  /** What went into it, each as it was then. */
  files: Map<string, string | undefined>;
}

/** By the file and how it is bundled. */
const kept = new Map<string, Kept>();

/**
 * Bundles a module from its import graph: TypeScript, JSON, packages, CommonJS and ES modules. While none of the files that
 * went into it has changed, what was made before is given again.
 *
 * @param path absolute.
 * @throws PoolError `not-shippable` for what cannot be bundled; `too-large`, naming the largest parts
 */
export async function bundleModule(path: string, settings: BundleSettings): Promise<Bundle> {
  const key = JSON.stringify([path, settings]);
  const known = kept.get(key);
  if (known && (await isUnchanged(known.files))) return known.bundle;
  const files: Kept['files'] = new Map();
  const bundle = makeBundle(path, settings, files);
  kept.set(key, { bundle, files });
  try {
    return await bundle;
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}

async function isUnchanged(files: Kept['files']): Promise<boolean> {
  const looks = [...files].map(async ([file, before]) => (await stateOf(file)) === before);
  return (await Promise.all(looks)).every(Boolean);
}

async function stateOf(file: string): Promise<string | undefined> {
  try {
    const { mtimeNs, size, ino } = await stat(file, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return undefined; // It is gone, which is a change.
  }
}

async function makeBundle(path: string, settings: BundleSettings, files: Kept['files']): Promise<Bundle> {
  const name = relative(process.cwd(), path);
  const { metafile, data, map, exports } = await build(path, name, settings.external);
  for (const input of Object.keys(metafile.inputs)) {
    const file = resolve(input);
    files.set(file, await stateOf(file));
  }
  if (data.length > settings.maxBytes)
    throw tooLarge(name, data.length, settings.maxBytes, largestParts(metafile));
  const circle = circleIn(metafile);
  const remedy = circle
    ? `its imports go in a circle, ${circle.join(' → ')}: what one of them needs at once may not be there yet`
    : '';
  const part: Part = { kind: 'MODULE', id: idOf(data), name, data, remedy };
  keepMap(part, map, dirname(path));
  return { part, exports };
}

interface Built {
  metafile: Metafile;
  data: Uint8Array;
  /** Its source map; sources are named from the folder of the module. */
  map: string;
  exports: readonly string[] | undefined;
}

/** Packages with native code stand outside. Some are only found out when they are bundled, so it may take two rounds. */
async function build(path: string, name: string, external: readonly string[]): Promise<Built> {
  const esbuild = await loadEsbuild();
  const natives = new NativePackages();
  const folder = dirname(path);
  for (;;) {
    const known = natives.names.size;
    const options = {
      entryPoints: [path],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      target: 'node20',
      charset: 'utf8',
      legalComments: 'none',
      logLevel: 'silent',
      external: [...external, ...natives.names],
      plugins: [natives.plugin],
      // What a module reads of its own place is that of the worker, as for functions.
      define: {
        'import.meta.url': '__moduleUrl',
        'import.meta.filename': '__filename',
        'import.meta.dirname': '__dirname',
      },
    } satisfies BuildOptions;
    try {
      // Workers run it as CommonJS, which they can drop again; what it exports esbuild only tells of an ES module.
      const [sent, asked] = await Promise.all([
        esbuild.build({
          ...options,
          format: 'cjs',
          // Comments name its files: the same module has the same hash, wherever the program was started that sends it.
          absWorkingDir: folder,
          // Nothing is written: it is where the map's sources are named from.
          outdir: folder,
          allowOverwrite: true,
          sourcemap: 'external',
          sourcesContent: false,
        }),
        esbuild.build({ ...options, format: 'esm', absWorkingDir: folder }),
      ]);
      if (natives.names.size > known) continue;
      const [output] = Object.values(asked.metafile.outputs);
      const isEsm = asked.metafile.inputs[output?.entryPoint ?? '']?.format === 'esm';
      return {
        metafile: fromHere(sent.metafile, folder),
        data: outputOf(sent, '.js').contents,
        map: outputOf(sent, '.js.map').text,
        exports: isEsm ? output?.exports : undefined,
      };
    } catch (error) {
      throw cannotBundle(name, error, folder);
    }
  }
}

/** With files named from the working folder, as people know them. */
function fromHere(metafile: Metafile, folder: string): Metafile {
  const inputs = Object.entries(metafile.inputs).map(([file, input]) => [
    nameFromHere(file, folder),
    { ...input, imports: input.imports.map((one) => ({ ...one, path: nameFromHere(one.path, folder) })) },
  ]);
  const outputs = Object.entries(metafile.outputs).map(([file, output]) => [
    file,
    {
      ...output,
      ...(output.entryPoint !== undefined && { entryPoint: nameFromHere(output.entryPoint, folder) }),
      inputs: Object.fromEntries(
        Object.entries(output.inputs).map(([name, input]) => [nameFromHere(name, folder), input]),
      ),
    },
  ]);
  return {
    inputs: Object.fromEntries(inputs) as Metafile['inputs'],
    outputs: Object.fromEntries(outputs) as Metafile['outputs'],
  };
}

function nameFromHere(file: string, folder: string): string {
  return relative(process.cwd(), resolve(folder, file));
}

function outputOf({ outputFiles }: { outputFiles: OutputFile[] }, ending: string): OutputFile {
  const output = outputFiles.find(({ path }) => path.endsWith(ending));
  if (output) return output;
  throw new PoolError(
    'internal',
    `esbuild wrote no ${ending}, only ${outputFiles.map(({ path }) => path).join(', ')}`,
  );
}

async function loadEsbuild(): Promise<typeof Esbuild> {
  try {
    return await import('esbuild');
  } catch (error) {
    throw new PoolError(
      'not-shippable',
      `modules are bundled by esbuild, which cannot be loaded here (${firstLine(messageOf(error))}): npm install esbuild`,
      { cause: error },
    );
  }
}

function cannotBundle(name: string, error: unknown, folder: string): PoolError {
  const { errors = [] } = error as Partial<BuildFailure>;
  const reasons =
    errors.length > 0
      ? errors
          .slice(0, 3)
          .map((one) => inWords(one, folder))
          .join('; ')
      : firstLine(messageOf(error));
  return new PoolError('not-shippable', `${name} cannot be bundled: ${reasons}`, { cause: error });
}

function inWords({ text, location }: Message, folder: string): string {
  const where = location ? `${nameFromHere(location.file, folder)}:${location.line}: ` : '';
  if (/Top-level await/.test(text))
    return `${where}a module that is sent cannot await at its top; put that into a function`;
  return `${where}${text}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function tooLarge(
  name: string,
  bytes: number,
  maxBytes: number,
  parts: readonly { name: string; bytes: number }[],
): PoolError {
  const largest = parts.map((part) => `${part.name} (${inKilobytes(part.bytes)})`).join(', ');
  return new PoolError(
    'too-large',
    `${name}: its bundle has ${inKilobytes(bytes)}, and at most ${inKilobytes(maxBytes)} may be sent; ` +
      `the largest parts are ${largest}. Leave some outside with \`external\`, or give another \`maxSize\``,
  );
}

function inKilobytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024).toLocaleString('en')} kB`;
}
